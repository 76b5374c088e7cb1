// Command logcheck checks what the vault's log hands out with other people's code: sumdb/note and
// sumdb/tlog of the Go project, and transparency-dev/formats for cosignatures and proof files.
//
//	logcheck log DIR ORIGIN VKEY...             every tile and every entry of an exported log
//	logcheck since DIR ORIGIN OLD VKEY...       ... and that it continues the checkpoint in file OLD
//	logcheck proof FILE LEAF ORIGIN VKEY...     a proof file, for the leaf in file LEAF
//	logcheck consistency                        proofs on standard input, one a line:
//	                                            OLD-SIZE OLD-ROOT NEW-SIZE NEW-ROOT HASH...
//	logcheck sign ORIGIN SIZE ROOT              a checkpoint signed by three new keys, for us to check
//
// Each VKEY has to have signed the checkpoint. The exit status is 0 only if all is well.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "logcheck:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) >= 4 && args[0] == "log":
		_, err := checkLog(args[1], args[2], args[3:])
		return err
	case len(args) >= 5 && args[0] == "since":
		return checkSince(args[1], args[2], args[3], args[4:])
	case len(args) >= 5 && args[0] == "proof":
		return checkProof(args[1], args[2], args[3], args[4:])
	case len(args) == 1 && args[0] == "consistency":
		return checkConsistency()
	case len(args) == 4 && args[0] == "sign":
		return sign(args[1], args[2], args[3])
	}
	return errors.New("usage: see the source")
}

// openCheckpoint returns the tree of a checkpoint that every one of vkeys has signed.
func openCheckpoint(signed []byte, origin string, vkeys []string) (tlog.Tree, error) {
	var verifiers []note.Verifier
	for _, vkey := range vkeys {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			// Not plain Ed25519: a cosignature, with a time.
			if v, err = fnote.NewVerifierForCosignatureV1(vkey); err != nil {
				return tlog.Tree{}, fmt.Errorf("key %q: %w", vkey, err)
			}
		}
		verifiers = append(verifiers, v)
	}
	opened, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(opened.Sigs) != len(verifiers) {
		return tlog.Tree{}, fmt.Errorf("%d of %d keys have signed", len(opened.Sigs), len(verifiers))
	}
	var head log.Checkpoint
	if rest, err := head.Unmarshal([]byte(opened.Text)); err != nil {
		return tlog.Tree{}, err
	} else if len(rest) > 0 {
		return tlog.Tree{}, errors.New("the checkpoint has extension lines")
	}
	if head.Origin != origin {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is of %q", head.Origin)
	}
	tree := tlog.Tree{N: int64(head.Size)}
	if copy(tree.Hash[:], head.Hash) != tlog.HashSize {
		return tlog.Tree{}, errors.New("the root has a wrong length")
	}
	return tree, nil
}

// folder reads tiles of a C2SP tlog-tiles folder. tlog's own paths name the height, C2SP's do not.
type folder string

func (f folder) path(t tlog.Tile) string {
	rest := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	if t.L == -1 {
		rest = "entries" + strings.TrimPrefix(rest, "data")
	}
	return filepath.Join(string(f), "tile", filepath.FromSlash(rest))
}

func (f folder) Height() int                     { return tileHeight }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(f.path(t))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func checkLog(dir, origin string, vkeys []string) (tlog.Tree, error) {
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := openCheckpoint(signed, origin, vkeys)
	if err != nil {
		return tlog.Tree{}, err
	}
	f := folder(dir)
	// It refuses every tile that does not hash up to the root.
	hashes := tlog.TileHashReader(tree, f)
	for _, t := range tlog.NewTiles(tileHeight, 0, tree.N) {
		var indexes []int64
		for i := range int64(t.W) {
			indexes = append(indexes, tlog.StoredHashIndex(t.L*tileHeight, t.N<<tileHeight+i))
		}
		proven, err := hashes.ReadHashes(indexes)
		if err != nil {
			return tlog.Tree{}, err
		}
		if t.L == 0 {
			if err := checkEntries(f, t, proven); err != nil {
				return tlog.Tree{}, err
			}
		}
	}
	fmt.Printf("%d %s\n", tree.N, tree.Hash)
	return tree, nil
}

// checkEntries compares the leaves of the bundle beside a tile of level 0 with its hashes.
func checkEntries(f folder, t tlog.Tile, proven []tlog.Hash) error {
	path := f.path(tlog.Tile{H: tileHeight, L: -1, N: t.N, W: t.W})
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i, want := range proven {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return fmt.Errorf("%s: entry %d is cut", path, i)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		if tlog.RecordHash(data[2:end]) != want {
			return fmt.Errorf("%s: entry %d is not the one in the tree", path, i)
		}
		data = data[end:]
	}
	if len(data) > 0 {
		return fmt.Errorf("%s: more entries than leaves", path)
	}
	return nil
}

func checkSince(dir, origin, old string, vkeys []string) error {
	tree, err := checkLog(dir, origin, vkeys)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(old)
	if err != nil {
		return err
	}
	before, err := openCheckpoint(signed, origin, vkeys)
	if err != nil {
		return err
	}
	p, err := tlog.ProveTree(tree.N, before.N, tlog.TileHashReader(tree, folder(dir)))
	if err != nil {
		return err
	}
	return tlog.CheckTree(p, tree.N, tree.Hash, before.N, before.Hash)
}

func checkProof(file, leafFile, origin string, vkeys []string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	leaf, err := os.ReadFile(leafFile)
	if err != nil {
		return err
	}
	var p proof.TLogProof
	if err := p.Unmarshal(data); err != nil {
		return err
	}
	tree, err := openCheckpoint(p.Checkpoint, origin, vkeys)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, h := range p.Hashes {
		path = append(path, tlog.Hash(h))
	}
	return tlog.CheckRecord(path, tree.N, tree.Hash, int64(p.Index), tlog.RecordHash(leaf))
}

func checkConsistency() error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 {
			return errors.New("too few fields")
		}
		var sizes [2]int64
		var roots [2]tlog.Hash
		var p tlog.TreeProof
		for i := range sizes {
			var err error
			if sizes[i], err = strconv.ParseInt(fields[2*i], 10, 64); err != nil {
				return err
			}
			if roots[i], err = tlog.ParseHash(fields[2*i+1]); err != nil {
				return err
			}
		}
		for _, field := range fields[4:] {
			h, err := tlog.ParseHash(field)
			if err != nil {
				return err
			}
			p = append(p, h)
		}
		if err := tlog.CheckTree(p, sizes[1], roots[1], sizes[0], roots[0]); err != nil {
			return fmt.Errorf("from %d to %d: %w", sizes[0], sizes[1], err)
		}
	}
	return lines.Err()
}

// sign prints the three verifier keys, one a line, and the signed checkpoint behind them.
func sign(origin, size, root string) error {
	n, err := strconv.ParseUint(size, 10, 63)
	if err != nil {
		return err
	}
	hash, err := base64.StdEncoding.DecodeString(root)
	if err != nil {
		return err
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	witness, witnessKey, err := note.GenerateKey(rand.Reader, "witness.example/ed25519")
	if err != nil {
		return err
	}
	if witnessKey, err = fnote.VKeyToCosignatureV1(witnessKey); err != nil {
		return err
	}
	quantum, quantumKey, err := fnote.GenerateMLDSAKey("witness.example/ml-dsa")
	if err != nil {
		return err
	}
	signers := []note.Signer{signer}
	for _, key := range []string{witness, quantum} {
		s, err := fnote.NewSignerForCosignatureV1(key)
		if err != nil {
			return err
		}
		signers = append(signers, s)
	}
	text := log.Checkpoint{Origin: origin, Size: n, Hash: hash}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, signers...)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n%s\n%s", vkey, witnessKey, quantumKey, signed)
	return nil
}
