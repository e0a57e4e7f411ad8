package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hotline/cmd/hotline/demo"
)

type demoCmd struct {
	Dir       string `default:".run/demo" type:"path" help:"Folder of everything the demo stores."`
	Cache     string `default:".cache" type:"path" help:"Folder of what is installed once."`
	Calls     int    `default:"1" help:"Simulated citizens call; 0: none."`
	Officials int    `default:"4" help:"Simulated officials at A03 and up; A01 and A02 are yours."`
	Port      int    `default:"8080" help:"Port of the panel; 0: whichever is free."`
	Ports     string `enum:"standard,free" default:"standard" help:"The other ports: 5060, 8088, 9090, or whichever are free."`
	Durable   bool   `help:"Write to the disk with free ports too; tests go without as a rule."`
	Prepare   bool   `help:"Install what is missing, as root, and stop: then people who are not root can run the demo."`
	JSON      bool   `name:"json" help:"Say what is up as one JSON line, for programs."`
}

// Run brings the product up, tells how to reach it, and plays until the context ends.
func (c *demoCmd) Run(e env) error {
	began := time.Now()
	say := func(line string) { _, _ = fmt.Fprintf(e.stderr, "· %5.1fs  %s\n", time.Since(began).Seconds(), line) }
	if c.Prepare {
		return demo.Prepare(e.ctx, c.Cache, say)
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cast := demo.Cast{Calls: c.Calls > 0}
	if c.Calls > 0 || c.Officials > 0 {
		if cast.Simulator, err = demo.Simulator(binary); err != nil {
			return err
		}
	}
	o := demo.Options{
		Dir: c.Dir, Cache: c.Cache, Binary: binary, PanelPort: c.Port, Progress: say, Log: e.log,
		Hall: demo.Hall{Seats: 2 + max(4, c.Officials)}, Volatile: c.Ports == "free" && !c.Durable,
	}
	if c.Ports == "standard" {
		o.MetricsPort, o.ARIPort, o.SIPPort, o.RTPStart = 9090, 8088, 5060, 10000
	}
	d, err := demo.Start(e.ctx, o)
	if err != nil {
		return err
	}
	if c.JSON {
		err = c.announce(e, d)
	} else {
		err = c.greet(e, d, time.Since(began))
	}
	if err == nil {
		err = c.play(e.ctx, d, cast)
	}
	say("stopping")
	stop, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), 20*time.Second)
	defer cancel()
	if stopErr := d.Stop(stop); err == nil {
		err = stopErr
	}
	return err
}

// play keeps simulated people busy until ctx ends.
func (c *demoCmd) play(ctx context.Context, d *demo.Demo, cast demo.Cast) error {
	if cast.Simulator == "" {
		<-ctx.Done()
		return nil
	}
	for _, a := range d.People {
		if a.Role == "official" && a.Seat > "A02" && len(cast.Officials) < c.Officials {
			cast.Officials = append(cast.Officials, a)
		}
	}
	return d.Play(ctx, cast)
}

func (c *demoCmd) announce(e env, d *demo.Demo) error {
	return json.NewEncoder(e.stdout).Encode(map[string]any{
		"panel": d.Panel, "metrics": d.Metrics, "trunk": d.Trunk, "number": demo.Number, "database_url": d.DatabaseURL(),
		"redis_url": d.Redis.URL(), "ari_url": d.Exchange.ARIURL, "dir": d.Options.Dir, "server_pid": d.ServerPID(), "accounts": d.People,
	})
}

func (c *demoCmd) greet(e env, d *demo.Demo, took time.Duration) error {
	versions, err := d.Versions(e.ctx)
	if err != nil {
		return err
	}
	line := func(format string, a ...any) { _, _ = fmt.Fprintf(e.stdout, format+"\n", a...) }
	line("")
	line("  hotline is up after %.1f s. Stop it with Ctrl-C.", took.Seconds())
	line("")
	line("  Panel        %s/      (Chromium; the microphone is asked for)", d.Panel)
	line("  Password     %s     (of everybody below)", d.People[0].Password)
	line("  Official     jieting01         sits at A01, answers calls    接听人")
	line("  Recorder     jilu01            sits beside, writes            记录员")
	line("  Supervisor   banzhang          watches the board              班长")
	line("  Office       bangongting       reads tickets                  省政府办公厅")
	line("")
	line("  Citizens dial %s at sip:%s@%s from address 127.0.0.2 (any SIP telephone, or:", demo.Number, demo.Number, d.Trunk)
	line("               bin/sim call --trunk=%s)", d.Trunk)
	line("  Simulated    %d officials at A03 and up; citizens %s", min(c.Officials, len(d.People)), map[bool]string{true: "call all the time (CALLS=0: none)", false: "do not call"}[c.Calls > 0])
	line("  Logs         %s, sim.log beside it", filepath.Join(d.Options.Dir, "hotline.log"))
	line("  Versions     %s", versions)
	line("")
	return nil
}
