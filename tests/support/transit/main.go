// A secrets engine "transit" behind HTTP, for tests: the engine is Vault's own package, and only
// what stands around it (addresses, tokens, policies) is made here.
//
//	transit -tokens FILE
//
// FILE is JSON: {"token": ["transit/encrypt/name", "transit/keys/*", ...]}. It is read anew for
// each call, so that a test can take rights away. The first line on stdout is the address.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

const mount = "transit/"

type server struct {
	backend logical.Backend
	storage logical.Storage
	tokens  string
}

func main() {
	tokens := flag.String("tokens", "", "file of tokens and of the paths that each may use")
	listen := flag.String("listen", "127.0.0.1:0", "address")
	flag.Parse()
	storage := &logical.InmemStorage{}
	system := &logical.StaticSystemView{
		CachingDisabledVal:  true,
		ReplicationStateVal: consts.ReplicationUnknown,
	}
	config := &logical.BackendConfig{
		Logger: hclog.NewNullLogger(), System: system, StorageView: storage,
		BackendUUID: "transit", Config: map[string]string{},
	}
	backend, err := transit.Factory(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	if err := backend.Initialize(context.Background(), &logical.InitializationRequest{Storage: storage}); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, &server{backend, storage, *tokens}))
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, found := strings.CutPrefix(r.URL.Path, "/v1/")
	if !found {
		refuse(w, http.StatusNotFound)
		return
	}
	if path == "auth/token/lookup-self" && s.policies()[r.Header.Get("X-Vault-Token")] != nil {
		// Of Vault's core, which every valid token may ask.
		fmt.Fprintln(w, `{"data": {}}`)
		return
	}
	if !s.allowed(r.Header.Get("X-Vault-Token"), path) {
		refuse(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
		return
	}
	data := map[string]any{}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &data)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "error parsing JSON")
		return
	}
	var operation logical.Operation = logical.UpdateOperation
	switch r.Method {
	case http.MethodGet:
		operation = logical.ReadOperation
	case http.MethodDelete:
		operation = logical.DeleteOperation
	}
	request := &logical.Request{
		Operation: operation, Path: strings.TrimPrefix(path, mount), Data: data, Storage: s.storage,
		MountPoint: mount,
	}
	if operation == logical.UpdateOperation && strings.HasPrefix(request.Path, "encrypt/") {
		// As Vault's core: to encrypt under a key that is not there makes it, with the capability
		// "create", which no policy here has.
		checked, exists, err := s.backend.HandleExistenceCheck(r.Context(), request)
		if err == nil && checked && !exists {
			refuse(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
			return
		}
	}
	response, err := s.backend.HandleRequest(r.Context(), request)
	status, err := logical.RespondErrorCommon(request, response, err)
	switch {
	case err != nil:
		if status == 0 {
			status = http.StatusInternalServerError
		}
		refuse(w, status, err.Error())
	case response == nil && operation == logical.ReadOperation:
		refuse(w, http.StatusNotFound)
	case response == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"data": response.Data})
	}
}

func (s *server) policies() map[string][]string {
	found := map[string][]string{}
	if text, err := os.ReadFile(s.tokens); err == nil {
		json.Unmarshal(text, &found)
	}
	return found
}

func (s *server) allowed(token, path string) bool {
	for _, pattern := range s.policies()[token] {
		start, wild := strings.CutSuffix(pattern, "*")
		if path == pattern || wild && strings.HasPrefix(path, start) {
			return true
		}
	}
	return false
}

func refuse(w http.ResponseWriter, status int, errors ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if errors == nil {
		errors = []string{}
	}
	json.NewEncoder(w).Encode(map[string]any{"errors": errors})
}
