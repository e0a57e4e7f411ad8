package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

// printSettings lists the server's settings for the one who operates it.
func printSettings(e env) error {
	var s struct {
		Serve serveCmd `cmd:""`
	}
	k, err := kong.New(&s, kong.Name("hotline"), kong.DefaultEnvars("HOTLINE"))
	if err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	w := tabwriter.NewWriter(e.stdout, 2, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "FLAG\tVARIABLE\tDEFAULT\tMEANING")
	for _, node := range k.Model.Children {
		for _, f := range node.Flags {
			_, _ = fmt.Fprintf(w, "--%s\t%s\t%s\t%s\n", f.Name, envName(f.Name), f.Default, f.Help)
		}
	}
	return w.Flush()
}
