package main

import (
	"encoding/json"
	"fmt"

	"hotline/agent/door"
)

type openapiCmd struct{}

// Run prints the document; the panel's types are made from it.
func (openapiCmd) Run(e env) error {
	api := newAPI(&door.Mux{})
	(&server{}).register(api)
	out := json.NewEncoder(e.stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(api.OpenAPI()); err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return nil
}
