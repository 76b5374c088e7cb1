// Command streamcheck is a second implementation of what vault/sealing writes, from the texts of
// C2SP chunked-encryption, RFC 5869 and RFC 8998, with Go's own AES-GCM and gmsm's SM4 and SM3.
//
//	streamcheck seal SUITE KEY CONTEXT                  plaintext on standard input, a stream out
//	streamcheck open SUITE KEY CONTEXT                  a stream on standard input, plaintext out
//	streamcheck range SUITE KEY CONTEXT FILE FROM SIZE  part of the plaintext of the stream in FILE
//	streamcheck record FILE-KEY PLACE                   a sealed record in, plaintext out
//	streamcheck token SUITE INDEX-KEY USE VALUE         a token of the blind index
//
// FILE-KEY is what the branch key wraps: the id of the suite that it was made for, and 32 bytes.
// SUITE is 1 (AES-256-GCM, SHA-256) or 2 (SM4-GCM, SM3); keys, contexts, places and values are in
// hexadecimal. The exit status is 0 only if all is well; what is put out before is authentic.
package main

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
)

const (
	chunkSize      = 16384
	saltSize       = 24
	commitmentSize = 32
	headerSize     = saltSize + commitmentSize
	nonceSize      = 12
	tagSize        = 16
)

type suite struct {
	aead    string
	keySize int
	block   func([]byte) (cipher.Block, error)
	hash    func() hash.Hash
}

var suites = map[byte]suite{
	1: {"AEAD_AES_256_GCM", 32, aes.NewCipher, sha256.New},
	2: {"AEAD_SM4_GCM", 16, sm4.NewCipher, sm3.New},
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	err := run(os.Args[1:], out)
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "streamcheck:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	in := bufio.NewReader(os.Stdin)
	switch {
	case len(args) == 4 && args[0] == "seal":
		return seal(args[1:], in, out)
	case len(args) == 4 && args[0] == "open":
		return open(args[1:], in, out)
	case len(args) == 7 && args[0] == "range":
		return openRange(args[1:4], args[4], args[5], args[6], out)
	case len(args) == 3 && args[0] == "record":
		return openRecord(args[1], args[2], in, out)
	case len(args) == 5 && args[0] == "token":
		return token(args[1], args[2], args[3], args[4], out)
	}
	return errors.New("usage: see the source")
}

func suiteOf(number string) (suite, error) {
	id, err := strconv.ParseUint(number, 10, 8)
	if err != nil {
		return suite{}, err
	}
	s, known := suites[byte(id)]
	if !known {
		return suite{}, fmt.Errorf("no suite %s", number)
	}
	return s, nil
}

// message is one stream: its cipher, base nonce and commitment.
type message struct {
	aead       cipher.AEAD
	base       []byte
	commitment []byte
}

func newMessage(args []string, salt []byte) (*message, error) {
	s, err := suiteOf(args[0])
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(args[1])
	if err != nil {
		return nil, err
	}
	context, err := hex.DecodeString(args[2])
	if err != nil {
		return nil, err
	}
	if len(key) != s.keySize {
		return nil, fmt.Errorf("a key of %d bytes", len(key))
	}
	info := "c2sp.org/chunked-encryption@v1+" + s.aead + "\x00" + string(salt) + string(context)
	derived, err := hkdf.Expand(s.hash, key, info, s.keySize+nonceSize+commitmentSize)
	if err != nil {
		return nil, err
	}
	aead, err := s.gcm(derived[:s.keySize])
	if err != nil {
		return nil, err
	}
	return &message{aead, derived[s.keySize : s.keySize+nonceSize], derived[s.keySize+nonceSize:]}, nil
}

func (s suite) gcm(key []byte) (cipher.AEAD, error) {
	block, err := s.block(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (m *message) nonce(chunk uint64) []byte {
	nonce := bytes.Clone(m.base)
	for i := len(nonce) - 1; chunk > 0; i-- {
		nonce[i] ^= byte(chunk)
		chunk >>= 8
	}
	return nonce
}

func seal(args []string, in io.Reader, out io.Writer) error {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return err
	}
	m, err := newMessage(args, salt)
	if err != nil {
		return err
	}
	if _, err := out.Write(append(salt, m.commitment...)); err != nil {
		return err
	}
	buffer := make([]byte, chunkSize)
	for chunk := uint64(0); ; chunk++ {
		n, err := io.ReadFull(in, buffer)
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return err
		}
		if _, err := out.Write(m.aead.Seal(nil, m.nonce(chunk), buffer[:n], nil)); err != nil {
			return err
		}
		if last {
			return nil
		}
	}
}

func messageOf(args []string, in io.Reader) (*message, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(in, header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	m, err := newMessage(args, header[:saltSize])
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(m.commitment, header[saltSize:]) {
		return nil, errors.New("the commitment is of another key or context")
	}
	return m, nil
}

func open(args []string, in io.Reader, out io.Writer) error {
	m, err := messageOf(args, in)
	if err != nil {
		return err
	}
	buffer := make([]byte, chunkSize+tagSize)
	for chunk := uint64(0); ; chunk++ {
		n, err := io.ReadFull(in, buffer)
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return err
		}
		if n < tagSize {
			return errors.New("the stream was cut")
		}
		plain, err := m.aead.Open(nil, m.nonce(chunk), buffer[:n], nil)
		if err != nil {
			return fmt.Errorf("chunk %d: %w", chunk, err)
		}
		if _, err := out.Write(plain); err != nil {
			return err
		}
		if last {
			return nil
		}
	}
}

func openRange(args []string, path, from, size string, out io.Writer) error {
	start, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		return err
	}
	length, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	m, err := messageOf(args, file)
	if err != nil {
		return err
	}
	for chunk := start / chunkSize; length > 0; chunk++ {
		buffer := make([]byte, chunkSize+tagSize)
		n, err := file.ReadAt(buffer, headerSize+chunk*(chunkSize+tagSize))
		if err != nil && err != io.EOF {
			return err
		}
		plain, err := m.aead.Open(nil, m.nonce(uint64(chunk)), buffer[:n], nil)
		if err != nil {
			return fmt.Errorf("chunk %d: %w", chunk, err)
		}
		begin := start - chunk*chunkSize
		end := min(begin+length, int64(len(plain)))
		if end <= begin {
			return errors.New("the range is not within the stream")
		}
		if _, err := out.Write(plain[begin:end]); err != nil {
			return err
		}
		start, length = start+end-begin, length-(end-begin)
	}
	return nil
}

// openRecord opens what vault/sealing/sealed.py describes, full record (1) or masked view (2).
func openRecord(fileKey, place string, in io.Reader, out io.Writer) error {
	key, err := hex.DecodeString(fileKey)
	if err != nil {
		return err
	}
	context, err := hex.DecodeString(place)
	if err != nil {
		return err
	}
	sealed, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	const header = 18
	if len(sealed) < header {
		return errors.New("no sealed record")
	}
	s, known := suites[sealed[1]]
	if !known {
		return fmt.Errorf("no suite %d", sealed[1])
	}
	if key, err = s.ofFileKey(key, sealed[1]); err != nil {
		return err
	}
	if sealed[0] == 1 {
		end := header + nonceSize + s.keySize + tagSize
		if len(sealed) < end {
			return errors.New("no wrapped data key")
		}
		aad := append(append(bytes.Clone(sealed[:header]), "data-key|"...), context...)
		if key, err = s.open(key, sealed[header:end], aad); err != nil {
			return fmt.Errorf("data key: %w", err)
		}
		plain, err := s.open(key, sealed[end:], append(bytes.Clone(sealed[:end]), context...))
		if err != nil {
			return err
		}
		_, err = out.Write(plain)
		return err
	}
	plain, err := s.open(key, sealed[header:], append(bytes.Clone(sealed[:header]), context...))
	if err != nil {
		return err
	}
	_, err = out.Write(plain)
	return err
}

// ofFileKey is the key that a suite has of a file key (vault/sealing/hierarchy.py): the first one
// takes it as it is if it was made for it, else it is derived.
func (s suite) ofFileKey(material []byte, id byte) ([]byte, error) {
	if len(material) != 33 {
		return nil, errors.New("no file key")
	}
	if id == 1 && material[0] == 1 {
		return material[1:], nil
	}
	return hkdf.Key(s.hash, material[1:], nil, "recordsvault/file-key/v1/"+s.aead, s.keySize)
}

func (s suite) open(key, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < nonceSize+tagSize {
		return nil, errors.New("too short")
	}
	aead, err := s.gcm(key)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], aad)
}

// token makes what vault/sealing/blind.py describes: HKDF with no salt, then HMAC, cut to 16 bytes.
func token(number, indexKey, use, value string, out io.Writer) error {
	s, err := suiteOf(number)
	if err != nil {
		return err
	}
	key, err := hex.DecodeString(indexKey)
	if err != nil {
		return err
	}
	data, err := hex.DecodeString(value)
	if err != nil {
		return err
	}
	derived, err := hkdf.Key(s.hash, key, nil, "recordsvault/index/v1/"+use, 32)
	if err != nil {
		return err
	}
	mac := hmac.New(s.hash, derived)
	mac.Write(data)
	_, err = fmt.Fprintln(out, hex.EncodeToString(mac.Sum(nil)[:16]))
	return err
}
