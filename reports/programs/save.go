// save.go: a file saved by renameio, as a static program. With an argument it syncs the directory too.
package main

import (
	"log"
	"os"

	"github.com/google/renameio"
)

func syncDirectory() error {
	dir, err := os.Open(".")
	if err != nil {
		return err
	}
	return dir.Sync()
}

func main() {
	err := renameio.WriteFile("state.json", []byte("{\"n\": 2}\n"), 0o644)
	if err == nil && len(os.Args) > 1 {
		err = syncDirectory()
	}
	if err != nil {
		log.Fatal(err)
	}
}
