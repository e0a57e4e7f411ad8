package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"hotline/agent/vault"
	callstore "hotline/telephony/store"
)

// vaultCmd are the acts on the keys of citizens' numbers: nothing else makes or changes one (RS13).
type vaultCmd struct {
	Init   vaultInit   `cmd:"" help:"Make the keys of a new database. Replaces none."`
	Adopt  vaultAdopt  `cmd:"" help:"Make a key file that is there known to a database that knows none; one of an older version is brought to this one's format."`
	Rotate vaultRotate `cmd:"" help:"Add a key that seals from the server's next start on; the ones before go on opening."`
	Reseal vaultReseal `cmd:"" help:"Seal every stored number with the newest key, and index it anew if that key has changed. Goes on where it was stopped."`
	Retire vaultRetire `cmd:"" help:"Drop the keys that nothing is sealed with any more, while no server runs."`
	Status vaultStatus `cmd:"" help:"Show the keys, what is sealed with each, and whether the file is the database's; exit 1 if it is not."`
}

// keyFlags say which keys of which database.
type keyFlags struct {
	ControllerURLFile string `name:"controller-database-url-file" type:"path" required:"" placeholder:"FILE" help:"File that holds the Postgres URL of hotline_controller."`
	NumberKeyFile     string `name:"number-key-file" type:"path" required:"" placeholder:"FILE" help:"File with the keys for citizens' numbers."`
}

// with has the keys to itself while it works.
func (f keyFlags) with(e env, work func(context.Context, *callstore.Keys) error) error {
	conn, err := databaseFiles{ControllerURLFile: f.ControllerURLFile}.controllerURL().connect(e.ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(e.ctx)) }()
	if err := checkSchema(e.ctx, conn); err != nil {
		return err
	}
	keys, err := callstore.OpenKeys(e.ctx, conn, callstore.KeysOptions{Path: f.NumberKeyFile, Now: time.Now, Log: e.log, By: actorCLI()})
	if err != nil {
		return err
	}
	return work(e.ctx, keys)
}

func (f keyFlags) backUp(e env) {
	_, _ = fmt.Fprintf(e.stdout, "Copy %s now to a place apart from the database's backups: without it no number can be read again.\n", f.NumberKeyFile)
}

const restart = "Start the servers anew now, each with this file: they go on with the keys that they have read."

type vaultInit struct {
	keyFlags `embed:""`

	Preset vault.Preset `enum:"international,gm" default:"international" help:"international: AES-256-GCM, SHA-256; gm: SM4-GCM, SM3 (国密)."`
}

// Run makes the file and tells the database its fingerprints.
func (c *vaultInit) Run(e env) error {
	return c.with(e, func(ctx context.Context, keys *callstore.Keys) error {
		if err := keys.Init(ctx, c.Preset); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(e.stdout, "keys made: %s\n", c.Preset)
		c.backUp(e)
		return nil
	})
}

type vaultAdopt struct {
	keyFlags `embed:""`
}

// Run tries the keys at what the database holds before it believes them.
func (c *vaultAdopt) Run(e env) error {
	return c.with(e, func(ctx context.Context, keys *callstore.Keys) error {
		old, err := keys.Adopt(ctx)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(e.stdout, "the database knows these keys")
		if old {
			_, _ = fmt.Fprintln(e.stdout, "the key file was of the old format and is of the present one now")
			c.backUp(e)
		}
		return nil
	})
}

type vaultRotate struct {
	keyFlags `embed:""`

	Preset vault.Preset `enum:"international,gm" default:"international" help:"Of the new key: international, or gm (国密)."`
	Index  bool         `help:"Replace the key of the index instead, while no server runs; 'hotline vault reseal' has to follow."`
}

// Run finishes a rotation that was not, or makes one.
func (c *vaultRotate) Run(e env) error {
	return c.with(e, func(ctx context.Context, keys *callstore.Keys) error {
		finished, err := keys.Rotate(ctx, c.Preset, c.Index)
		if err != nil {
			return err
		}
		if finished {
			_, _ = fmt.Fprintln(e.stdout, "finished the rotation that was begun before; no further key was made")
		} else {
			_, _ = fmt.Fprintf(e.stdout, "new key made: %s\n", c.Preset)
		}
		c.backUp(e)
		_, _ = fmt.Fprintln(e.stdout, restart)
		return nil
	})
}

type vaultReseal struct {
	keyFlags `embed:""`
}

// Run says twice a second how far it is.
func (c *vaultReseal) Run(e env) error {
	return c.with(e, func(ctx context.Context, keys *callstore.Keys) error {
		var told time.Time
		done, err := keys.Reseal(ctx, func(done, all int64) {
			if now := time.Now(); done == all || now.Sub(told) >= time.Second/2 {
				told = now
				_, _ = fmt.Fprintf(e.stderr, "%d of %d numbers\n", done, all)
			}
		})
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(e.stdout, "sealed anew: %d numbers\n", done.Changed)
		if n := len(done.Unreadable); n > 0 {
			_, _ = fmt.Fprintf(e.stdout, "numbers that no key opens, left as they are: %d, of calls %v\n", n, done.Unreadable[:min(n, 10)])
			return errFindings
		}
		return nil
	})
}

type vaultRetire struct {
	keyFlags `embed:""`

	JournalDir string `name:"journal-dir" type:"path" placeholder:"DIR" help:"The server's, which has to be empty. Default: <number-key-file>.journal."`
}

// Run drops nothing that a number in the journal may still need.
func (c *vaultRetire) Run(e env) error {
	dir := cmp.Or(c.JournalDir, c.NumberKeyFile+".journal")
	if kept, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(kept) > 0 {
		return fmt.Errorf("the journal %s holds calls that are not stored yet, and their numbers: let a server store them first", dir)
	}
	return c.with(e, func(ctx context.Context, keys *callstore.Keys) error {
		gone, err := keys.Retire(ctx)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(e.stdout, "keys retired: %v\n", gone)
		if len(gone) > 0 {
			_, _ = fmt.Fprintln(e.stdout, "Backups of the database from before still need them.")
		}
		return nil
	})
}

type vaultStatus struct {
	keyFlags `embed:""`
}

// Run prints a line per key.
func (c *vaultStatus) Run(e env) error {
	return c.with(e, func(ctx context.Context, keys *callstore.Keys) error {
		is, err := keys.Status(ctx)
		if err != nil {
			return err
		}
		for _, k := range is.Known {
			line := fmt.Sprintf("%v %s", k.Key, k.State)
			if k.Purpose == vault.PurposeSeal {
				line += fmt.Sprintf(", %d numbers", is.Numbers[k.ID])
			}
			_, _ = fmt.Fprintln(e.stdout, line)
		}
		if is.Misfit != nil {
			_, _ = fmt.Fprintln(e.stdout, is.Misfit)
			return errFindings
		}
		_, _ = fmt.Fprintln(e.stdout, "the file's keys are the database's")
		return nil
	})
}
