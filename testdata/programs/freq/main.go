// Command freq counts how often each word comes.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strings"
)

var (
	label = "note"
	about = "nothing"
)

func count(in *bufio.Scanner) map[string]int {
	counts := make(map[string]int)
	in.Split(bufio.ScanWords)
	for in.Scan() {
		counts[strings.ToLower(in.Text())]++
	}
	return counts
}

func main() {
	if len(os.Args) > 1 {
		fmt.Printf("freq 1.0 (%s: %s)\n", label, about)
		return
	}
	counts := count(bufio.NewScanner(os.Stdin))
	words := make([]string, 0, len(counts))
	for word := range counts {
		words = append(words, word)
	}
	sort.Slice(words, func(i, j int) bool { return counts[words[i]] > counts[words[j]] || counts[words[i]] == counts[words[j]] && words[i] < words[j] })
	for _, word := range words {
		fmt.Println(counts[word], word)
	}
}
