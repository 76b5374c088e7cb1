// Command load calls one gRPC method over mutual TLS with prepared request bytes, as fast as a given
// number of callers can, and prints what it saw as one JSON object.
//
// The requests are a file of messages, each preceded by its length (four bytes, big-endian). Nothing
// is encoded or decoded on the way, so that on a small machine the load costs a fraction of a core.
//
//	load -target localhost:7443 -ca ca.pem -cert c.pem -key c.key -method /pkg.Service/Method \
//	     -requests get.bin -callers 64 -connections 2 -seconds 5
//
// With -once the messages are sent in order, each once, until they or the seconds run out. With
// -stream one bidirectional stream carries the messages, with -callers of them unanswered at most;
// a message is then answered by one message.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/mem"
)

// raw hands bytes through as they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

type options struct {
	target, ca, cert, key, method, requests, answers string
	callers, connections                             int
	seconds, warmup                                  float64
	once, stream                                     bool
	seed                                             int64
}

// outcome is what one caller saw.
type outcome struct {
	latencies []float64 // milliseconds, of the calls that were answered
	bytes     int64
	errors    map[string]int
}

// report is what is printed.
type report struct {
	Calls       int            `json:"calls"`
	Seconds     float64        `json:"seconds"`
	PerSecond   float64        `json:"per_second"`
	P50         float64        `json:"p50_ms"`
	P90         float64        `json:"p90_ms"`
	P99         float64        `json:"p99_ms"`
	Max         float64        `json:"max_ms"`
	AnswerBytes float64        `json:"answer_bytes"`
	Errors      map[string]int `json:"errors"`
	LoadCPU     float64        `json:"load_cpu_seconds"`
}

func main() {
	o := flags()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func flags() options {
	var o options
	flag.StringVar(&o.target, "target", "", "host:port")
	flag.StringVar(&o.ca, "ca", "", "the authority of the server's certificate")
	flag.StringVar(&o.cert, "cert", "", "the client's certificate")
	flag.StringVar(&o.key, "key", "", "its key")
	flag.StringVar(&o.method, "method", "", "/package.Service/Method")
	flag.StringVar(&o.requests, "requests", "", "file of length-prefixed messages")
	flag.StringVar(&o.answers, "answers", "", "with -stream: write the answers here, length-prefixed")
	flag.IntVar(&o.callers, "callers", 64, "calls in flight")
	flag.IntVar(&o.connections, "connections", 2, "connections that they share")
	flag.Float64Var(&o.seconds, "seconds", 5, "for how long")
	flag.Float64Var(&o.warmup, "warmup", 0, "seconds before that which do not count")
	flag.BoolVar(&o.once, "once", false, "send each message once")
	flag.BoolVar(&o.stream, "stream", false, "one bidirectional stream")
	flag.Int64Var(&o.seed, "seed", 1, "of the order of requests")
	flag.Parse()
	return o
}

func run(o options) error {
	messages, err := load(o.requests)
	if err != nil {
		return err
	}
	connections, err := dial(o)
	if err != nil {
		return err
	}
	var result report
	if o.stream {
		result, err = streaming(o, messages, connections[0])
	} else {
		result, err = unary(o, messages, connections)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func load(path string) ([][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var messages [][]byte
	for len(data) >= 4 {
		size := int(binary.BigEndian.Uint32(data))
		if len(data) < 4+size {
			return nil, io.ErrUnexpectedEOF
		}
		messages = append(messages, data[4:4+size])
		data = data[4+size:]
	}
	if len(messages) == 0 {
		return nil, fmt.Errorf("%s holds no message", path)
	}
	return messages, nil
}

func dial(o options) ([]*grpc.ClientConn, error) {
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", o.ca)
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
	var all []*grpc.ClientConn
	for range o.connections {
		// A target of its own each, or they would share one connection.
		c, err := grpc.NewClient("passthrough:///"+o.target,
			grpc.WithTransportCredentials(credentials.NewTLS(config)),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{}), grpc.MaxCallRecvMsgSize(64<<20)))
		if err != nil {
			return nil, err
		}
		c.Connect()
		all = append(all, c)
	}
	return all, nil
}

func unary(o options, messages [][]byte, connections []*grpc.ClientConn) (report, error) {
	var next atomic.Int64
	outcomes := make([]outcome, o.callers)
	counting := time.Now().Add(seconds(o.warmup))
	end := counting.Add(seconds(o.seconds))
	var cpuBefore float64
	var reading sync.WaitGroup
	reading.Add(1)
	go func() { // the processor time of the warm-up does not count either
		defer reading.Done()
		time.Sleep(time.Until(counting))
		cpuBefore = cpu()
	}()
	var working sync.WaitGroup
	for i := range o.callers {
		working.Add(1)
		go func() {
			defer working.Done()
			random := rand.New(rand.NewSource(o.seed*1000 + int64(i)))
			pick := func() []byte { return messages[random.Intn(len(messages))] }
			if o.once {
				pick = func() []byte {
					if n := next.Add(1) - 1; n < int64(len(messages)) {
						return messages[n]
					}
					return nil
				}
			}
			outcomes[i] = caller(o.method, connections[i%len(connections)], pick, counting, end)
		}()
	}
	working.Wait()
	elapsed := time.Since(counting).Seconds()
	reading.Wait()
	return summary(outcomes, elapsed, cpu()-cpuBefore), nil
}

func caller(
	method string, connection *grpc.ClientConn, pick func() []byte, counting, end time.Time,
) outcome {
	seen := outcome{errors: map[string]int{}}
	var answer []byte
	for {
		began := time.Now()
		request := pick()
		if request == nil || !began.Before(end) {
			return seen
		}
		err := connection.Invoke(context.Background(), method, &request, &answer)
		if began.Before(counting) {
			continue
		}
		if err != nil {
			seen.errors[err.Error()]++
			continue
		}
		seen.latencies = append(seen.latencies, float64(time.Since(began).Nanoseconds())/1e6)
		seen.bytes += int64(len(answer))
	}
}

func streaming(o options, messages [][]byte, connection *grpc.ClientConn) (report, error) {
	began, cpuBefore := time.Now(), cpu()
	description := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := connection.NewStream(context.Background(), description, o.method)
	if err != nil {
		return report{}, err
	}
	sent := make([]time.Time, len(messages))
	room := make(chan struct{}, o.callers)
	go func() {
		for i := range messages {
			room <- struct{}{}
			sent[i] = time.Now()
			if stream.SendMsg(&messages[i]) != nil {
				return // the answers' end tells why
			}
		}
		_ = stream.CloseSend()
	}()
	seen := outcome{errors: map[string]int{}}
	var out *os.File
	if o.answers != "" {
		if out, err = os.Create(o.answers); err != nil {
			return report{}, err
		}
		defer out.Close()
	}
	for i := 0; ; i++ {
		var answer []byte
		err := stream.RecvMsg(&answer)
		if err == io.EOF {
			break
		}
		if err != nil {
			return report{}, err
		}
		seen.latencies = append(seen.latencies, float64(time.Since(sent[i]).Nanoseconds())/1e6)
		seen.bytes += int64(len(answer))
		<-room
		if out != nil {
			var size [4]byte
			binary.BigEndian.PutUint32(size[:], uint32(len(answer)))
			if _, err := out.Write(append(size[:], answer...)); err != nil {
				return report{}, err
			}
		}
	}
	if len(seen.latencies) != len(messages) {
		return report{}, fmt.Errorf("%d answers to %d messages", len(seen.latencies), len(messages))
	}
	return summary([]outcome{seen}, time.Since(began).Seconds(), cpu()-cpuBefore), nil
}

func summary(outcomes []outcome, elapsed, load float64) report {
	r := report{Seconds: elapsed, LoadCPU: load, Errors: map[string]int{}}
	var all []float64
	var bytes int64
	for _, o := range outcomes {
		all = append(all, o.latencies...)
		bytes += o.bytes
		for code, n := range o.errors {
			r.Errors[code] += n
		}
	}
	r.Calls = len(all)
	if r.Calls == 0 {
		return r
	}
	slices.Sort(all)
	at := func(share float64) float64 { return all[min(len(all)-1, int(share*float64(len(all))))] }
	r.PerSecond = float64(r.Calls) / elapsed
	r.P50, r.P90, r.P99, r.Max = at(0.5), at(0.9), at(0.99), all[len(all)-1]
	r.AnswerBytes = float64(bytes) / float64(r.Calls)
	return r
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// cpu is this process's processor time so far, in seconds.
func cpu() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	of := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return of(usage.Utime) + of(usage.Stime)
}
