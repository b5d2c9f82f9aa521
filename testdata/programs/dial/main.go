// Command dial says which addresses answer.
package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

const patience = 3 * time.Second

func try(address string) error {
	connection, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	return connection.Close()
}

func main() {
	status := 0
	for _, address := range os.Args[1:] {
		if err := try(address); err != nil {
			fmt.Fprintln(os.Stderr, "dial:", err)
			status = 1
		}
	}
	os.Exit(status)
}
