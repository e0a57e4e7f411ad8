package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"hotline/deploy/local"
)

// Simulator finds the program that plays people: sim, beside the server. It is a program of its own, so that the server carries no
// telephone.
func Simulator(server string) (string, error) {
	path := filepath.Join(filepath.Dir(server), "sim")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the simulator is not beside this program: run 'make build', or say --calls=0 --officials=0: %w", err)
	}
	return path, nil
}

// Cast says who is played.
type Cast struct {
	Simulator string
	Officials []Account
	Calls     bool // citizens call
}

// Play lets the simulator play until ctx ends. It ends with this process, however that ends.
func (d *Demo) Play(ctx context.Context, c Cast) error {
	dir, err := filepath.Abs(d.Options.Dir)
	if err != nil {
		return fmt.Errorf("folder of the demo: %w", err)
	}
	own := filepath.Join(dir, "player") // the player reads none of the server's secrets: it has the password of the people whom it plays
	player, err := local.OwnUser(ctx, SimulatorUser)
	if err == nil {
		err = player.OwnDir(own)
	}
	if err == nil && len(c.Officials) > 0 {
		err = os.WriteFile(filepath.Join(own, "password"), []byte(c.Officials[0].Password+"\n"), 0o600)
	}
	if err == nil {
		err = player.Own(own)
	}
	if err != nil {
		return fmt.Errorf("the simulator's folder: %w", err)
	}
	args := []string{
		"play", "--base=" + d.Panel, "--trunk=" + d.Trunk, "--number=" + Number, "--cache=" + own,
		"--password-file=" + filepath.Join(own, "password"), fmt.Sprintf("--calls=%t", c.Calls),
	}
	for _, a := range c.Officials {
		args = append(args, "--official="+a.LoginName+"@"+a.Seat)
	}
	log := filepath.Join(dir, "sim.log")
	p, err := local.StartProcess(ctx, local.ProcessSpec{
		Name: "the simulator", Path: c.Simulator, Args: args, Dir: "/", User: player, Env: append(environment(), "TMPDIR="+own), Log: log, DeathSignal: syscall.SIGTERM,
	})
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
		return errors.New("the simulator has ended; " + log + " says:\n" + local.Tail(log, 6))
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return p.Stop(stop, syscall.SIGTERM)
}
