// Command sum prints the SHA-256 of its input.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
)

func main() {
	hash := sha256.New()
	if _, err := io.Copy(hash, os.Stdin); err != nil {
		panic(err)
	}
	fmt.Printf("%x\n", hash.Sum(nil))
}
