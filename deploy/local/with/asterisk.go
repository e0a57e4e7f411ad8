package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"hotline/deploy/asterisk"
	"hotline/deploy/local"
)

const trunkPeer = "127.0.0.10"

func say(line string) { fmt.Fprintln(os.Stderr, "·", line) }

// withAsterisk runs the command beside an Asterisk in a slot of its own, too.
func withAsterisk(ctx context.Context, cache string, env, args []string) (int, error) {
	inst, err := asterisk.Install(ctx, cache, say)
	if err != nil {
		return 1, err
	}
	sounds, err := asterisk.BuildSounds(ctx, asterisk.SoundsConfig{Cache: cache, Progress: say})
	if err != nil {
		return 1, err
	}
	dir, slot, err := local.Slot(filepath.Join(cache, "test-asterisk"))
	if err != nil {
		return 1, err
	}
	defer func() { _ = slot.Close() }() // it guards, it holds nothing
	cfg := asterisk.Config{Dir: filepath.Join(dir, "exchange"), Sounds: sounds, TrunkPeers: []string{trunkPeer}, Progress: say}
	if cfg.ARIPassword, err = asterisk.LoadPassword(filepath.Join(dir, "ari-password")); err != nil {
		return 1, err
	}
	if cfg.HTTPAddr, cfg.SIPAddr, err = freeAddresses(ctx); err != nil {
		return 1, err
	}
	x, err := asterisk.Start(ctx, inst, cfg)
	if err != nil {
		return 1, err
	}
	at := url.URL{
		Scheme: "http", User: url.UserPassword(x.ARIUser, x.ARIPassword), Host: cfg.HTTPAddr,
		RawQuery: url.Values{"sip": {x.SIPAddr}, "trunk": {trunkPeer}}.Encode(),
	}
	status, err := beside(ctx, append(env, "HOTLINE_TEST_ASTERISK="+at.String()), args)
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer done()
	return status, errors.Join(err, x.Stop(stop))
}

func freeAddresses(ctx context.Context) (string, string, error) {
	var lc net.ListenConfig
	tcp, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", fmt.Errorf("find a free port: %w", err)
	}
	udp, err := lc.ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return "", "", errors.Join(fmt.Errorf("find a free port: %w", err), tcp.Close())
	}
	return tcp.Addr().String(), udp.LocalAddr().String(), errors.Join(tcp.Close(), udp.Close())
}
