package conform

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// digest is how a side that receives bytes says which they were.
type digest struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func digestOf(data []byte) digest {
	sum := sha256.Sum256(data)
	return digest{int64(len(data)), hex.EncodeToString(sum[:])}
}

// compare returns a difference, if there is one.
func (d digest) compare(got digest) []string {
	if d == got {
		return nil
	}
	return []string{fmt.Sprintf("want %d bytes with the hash %.8s, got %d with %.8s", d.Size, d.SHA256, got.Size, got.SHA256)}
}

// digester is a digest in the making; what one goroutine writes another may look at.
type digester struct {
	mutex sync.Mutex
	hash  hash.Hash
	size  int64
}

func newDigester() *digester { return &digester{hash: sha256.New()} }

// Write implements io.Writer.
func (d *digester) Write(data []byte) (int, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.size += int64(len(data))
	return d.hash.Write(data)
}

func (d *digester) digest() digest {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return digest{d.size, hex.EncodeToString(d.hash.Sum(nil))}
}

// chunk is one write of a body.
type chunk struct {
	Size  int  `json:"size"`
	Flush bool `json:"flush"`
}

// body is what the plugin sends: the content of a file, in chunks.
type body struct {
	chunks []chunk
	broken string // why the plugin breaks it off behind the chunks
	data   []byte
	path   string
}

func sized(sizes ...int) []chunk {
	chunks := make([]chunk, len(sizes))
	for i, size := range sizes {
		chunks[i].Size = size
	}
	return chunks
}

// seededBytes are bytes without a pattern: compression, text conversion or a lost chunk would show.
func seededBytes(seed uint64, name string, size int) []byte {
	sum := fnv.New64a()
	sum.Write([]byte(name))
	random := rand.New(rand.NewPCG(seed, sum.Sum64()))
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// newBody makes the content of a body; its file is written before it is used.
func newBody(seed uint64, name string, chunks []chunk) *body {
	size := 0
	for _, chunk := range chunks {
		size += chunk.Size
	}
	return &body{chunks: chunks, data: seededBytes(seed, name, size)}
}

// tree writes the file and returns what plans and hook.json say of the body.
func (b *body) tree(dir string, number int) (map[string]any, error) {
	b.path = filepath.Join(dir, "body-"+strconv.Itoa(number))
	if err := os.WriteFile(b.path, b.data, 0o600); err != nil {
		return nil, err
	}
	chunks := make([]any, len(b.chunks))
	for i, chunk := range b.chunks {
		entry := map[string]any{"size": json.Number(strconv.Itoa(chunk.Size))}
		if chunk.Flush {
			entry["flush"] = true
		}
		chunks[i] = entry
	}
	tree := map[string]any{"path": b.path, "chunks": chunks}
	if b.broken != "" {
		tree["broken"] = b.broken
	}
	return tree, nil
}

// remove deletes the file; a run would leave a hundred of them.
func (b *body) remove() {
	if b != nil && b.path != "" {
		_ = os.Remove(b.path)
	}
}
