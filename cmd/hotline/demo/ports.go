package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"time"

	"hotline/deploy/local"
)

// ports gives every zero port a free one.
func (d *Demo) ports(ctx context.Context) error {
	o := &d.Options
	for _, p := range []*int{&o.PanelPort, &o.MetricsPort, &o.ARIPort} {
		if *p == 0 {
			port, err := FreePort(ctx, "tcp4")
			if err != nil {
				return err
			}
			*p = port
		}
	}
	if o.SIPPort == 0 {
		port, err := FreePort(ctx, "udp4")
		if err != nil {
			return err
		}
		o.SIPPort = port
	}
	if o.RTPStart == 0 {
		start, release, err := mediaPorts(rtpPorts(o.Bench))
		if err != nil {
			return err
		}
		o.RTPStart, d.media = start, release
	}
	d.Panel = "http://" + loopback(o.PanelPort)
	d.Metrics = "http://" + loopback(o.MetricsPort) + "/metrics"
	d.Trunk = loopback(o.SIPPort)
	return nil
}

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// mediaPorts finds n ports in a row that no other demo of this machine has, until release is called.
func mediaPorts(n int) (int, func(), error) {
	const first, places = 12000, 40_000
	blocks := places / n
	for i := range blocks {
		start := first + (os.Getpid()+i)%blocks*n
		if release := claimAll("media", start, n); release != nil {
			return start, release, nil
		}
	}
	return 0, nil, errors.New("find ports for media: other demos have them all; stop one")
}

// claimAll claims ports by the thousand: demos of either size then never meet. It returns nil when somebody has one of them.
func claimAll(kind string, start, n int) func() {
	var releases []func()
	all := func() {
		for _, release := range releases {
			release()
		}
	}
	for port := start - start%1000; port < start+n; port += 1000 {
		release, err := local.ClaimPort(kind, port)
		if err != nil {
			all()
			return nil
		}
		releases = append(releases, release)
	}
	return all
}

// Free ports are looked for below those of the media and those that the system gives to whoever connects: between the look and the
// moment when a server listens nobody takes one by chance.
const (
	firstFree = 8200
	freePorts = 3700
)

// FreePort is one of 127.0.0.1 on which nobody listens now, of "tcp4" or "udp4", and which no process that lives has got from here:
// whom it is for may listen on it a while later.
func FreePort(ctx context.Context, kind string) (int, error) {
	var err error
	for range 50 {
		port := firstFree + rand.IntN(freePorts) //nolint:gosec // which port it is, is no secret
		var release func()
		if release, err = local.ClaimPort(kind, port); err != nil {
			continue
		}
		var closer io.Closer
		if closer, err = listen(ctx, kind, loopback(port)); err == nil {
			return port, closer.Close()
		}
		release()
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

func listen(ctx context.Context, kind, address string) (io.Closer, error) {
	var c net.ListenConfig
	if kind == "udp4" {
		return c.ListenPacket(ctx, kind, address)
	}
	return c.Listen(ctx, kind, address)
}

// claimPatience is how long the servers of a demo that was just killed may take to end.
const claimPatience = 5 * time.Second

// claim takes the demo's folder and all its ports before any long work begins, or tells of each that is taken by whom. The ports are
// held until who is meant to listen there is started.
func (d *Demo) claim(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, claimPatience)
	defer cancel()
	var err error
	if d.lock, err = local.LockDir(wait, d.Options.Dir); err != nil {
		return fmt.Errorf("the demo's folder: %w", err)
	}
	d.claims = map[string]io.Closer{}
	told := false
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		taken := d.claimRest(ctx)
		if taken == nil {
			return nil
		}
		if !told {
			told = true
			d.Options.Progress("waiting a moment: " + taken.Error())
		}
		select {
		case <-tick.C:
		case <-wait.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return taken
		}
	}
}

// claimRest takes the ports that are not ours yet.
func (d *Demo) claimRest(ctx context.Context) error {
	const free = "or let bin/hotline demo --ports=free choose"
	o := d.Options
	var errs []error
	for _, p := range []struct {
		what, kind string
		port       int
		mend       string
	}{
		{"panel", "tcp4", o.PanelPort, "or choose another by PORT=…"},
		{"metrics", "tcp4", o.MetricsPort, free},
		{"Asterisk's ARI", "tcp4", o.ARIPort, free},
		{"trunk", "udp4", o.SIPPort, free},
	} {
		key := p.kind + strconv.Itoa(p.port)
		if d.claims[key] != nil {
			continue
		}
		held, err := listen(ctx, p.kind, loopback(p.port))
		if err == nil {
			d.claims[key] = held
			continue
		}
		by := err.Error()
		if holder := local.PortHolder(p.kind, loopback(p.port)); holder != "" {
			by = "it is taken by " + holder
		}
		errs = append(errs, fmt.Errorf("port %d (%s): %s; stop that, %s", p.port, p.what, by, p.mend))
	}
	return errors.Join(errs...)
}

// release lets who is about to be started listen on ports that were held for it.
func (d *Demo) release(kind string, ports ...int) {
	for _, port := range ports {
		key := kind + strconv.Itoa(port)
		if held := d.claims[key]; held != nil {
			_ = held.Close() // nobody was answered
			delete(d.claims, key)
		}
	}
}

// releaseAll gives up what is still held, and the folder.
func (d *Demo) releaseAll() {
	for _, held := range d.claims {
		_ = held.Close() // nobody was answered
	}
	d.claims = nil
	if d.media != nil {
		d.media()
		d.media = nil // what has this number next is somebody else's
	}
	if d.lock != nil {
		_ = d.lock.Close() // it guards, it holds nothing
	}
}
