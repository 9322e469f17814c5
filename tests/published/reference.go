// Makes c2sp.json: what the reference implementations of C2SP's formats write for a log of thirteen entries.
// They are golang.org/x/mod/sumdb (note, tlog) and filippo.io/torchwood (checkpoints, cosignatures).
//
//	go run reference.go > c2sp.json          writes the vectors
//	go run reference.go check FOLDER VKEY    checks what receipt publish wrote: a proof, and what witnesses are sent
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "api.example.com"

type storage []tlog.Hash

func (s storage) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, s[i])
	}
	return out, nil
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func key(fill byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, 32))
}

func texts(hashes []tlog.Hash) []string {
	out := []string{}
	for _, h := range hashes {
		out = append(out, h.String())
	}
	return out
}

func main() {
	if len(os.Args) == 4 {
		check(os.Args[2], os.Args[3])
		return
	}
	private := key(1)
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, keyHash(private), base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)))
	signer := must(note.NewSigner(skey))
	w1 := must(torchwood.NewCosignatureSigner("witness.example.com/w1", key(2)))
	w2 := must(torchwood.NewCosignatureSigner("witness.example.org/w2", key(3)))
	var hashes storage
	var entries [][]byte
	type head struct {
		Size        int64      `json:"size"`
		Checkpoint  string     `json:"checkpoint"`
		Cosigned    string     `json:"cosigned"`
		Inclusion   [][]string `json:"inclusion"`
		Consistency [][]string `json:"consistency"`
	}
	var heads []head
	for n := int64(0); n < 13; n++ {
		data := sha512.Sum512([]byte(fmt.Sprintf("entry %d", n)))
		entries = append(entries, data[:])
		hashes = append(hashes, must(tlog.StoredHashes(n, data[:], hashes))...)
		size := n + 1
		root := must(tlog.TreeHash(size, hashes))
		text := torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: size, Hash: root}}.String()
		one := head{Size: size}
		one.Checkpoint = string(must(note.Sign(&note.Note{Text: text}, signer)))
		one.Cosigned = string(must(note.Sign(&note.Note{Text: text}, signer, w1, w2)))
		for i := int64(0); i < size; i++ {
			one.Inclusion = append(one.Inclusion, texts(must(tlog.ProveRecord(size, i, hashes))))
			one.Consistency = append(one.Consistency, texts(must(tlog.ProveTree(size, i+1, hashes))))
		}
		heads = append(heads, one)
	}
	document := map[string]any{
		"source":    "golang.org/x/mod/sumdb and filippo.io/torchwood; see reference.go",
		"origin":    origin,
		"seed":      hex.EncodeToString(private.Seed()),
		"vkey":      must(note.NewEd25519VerifierKey(origin, private.Public().(ed25519.PublicKey))),
		"witnesses": []string{w1.Verifier().String(), w2.Verifier().String()},
		"heads":     heads,
	}
	fmt.Println(string(must(json.Marshal(document))))
}

func keyHash(private ed25519.PrivateKey) uint32 {
	vkey := must(note.NewEd25519VerifierKey(origin, private.Public().(ed25519.PublicKey)))
	return uint32(must(strconv.ParseUint(strings.Split(vkey, "+")[1], 16, 32)))
}

// check opens the checkpoint of a site, and follows its proofs: of the last entry, and of consistency with the witness's.
func check(site, vkey string) {
	known := note.VerifierList(must(note.NewVerifier(vkey)))
	opened := must(note.Open(must(os.ReadFile(site+"/checkpoint")), known))
	head := must(torchwood.ParseCheckpoint(opened.Text))
	entries := must(os.ReadFile(site + "/entries"))
	var hashes storage
	for n := int64(0); n < head.N; n++ {
		hashes = append(hashes, must(tlog.StoredHashes(n, entries[64*n:64*n+64], hashes))...)
	}
	if must(tlog.TreeHash(head.N, hashes)) != head.Hash {
		panic("the root is another one")
	}
	request, _, _ := strings.Cut(string(must(os.ReadFile(site+"/add-checkpoint"))), "\n\n")
	lines := strings.Split(request, "\n")
	old := must(strconv.ParseInt(strings.TrimPrefix(lines[0], "old "), 10, 64))
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		proof = append(proof, must(tlog.ParseHash(line)))
	}
	if old > 0 {
		if err := tlog.CheckTree(proof, head.N, head.Hash, old, must(tlog.TreeHash(old, hashes))); err != nil {
			panic(err)
		}
	}
	fmt.Println(head.Origin, head.N, "continues", old)
}
