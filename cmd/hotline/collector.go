package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// collector is how the garbage collector is set (reliability.md 11.4): half as often as Go would have it, because its work stands in
// the way of calls, and never so late that the machine runs out of memory. What the operator has set in the environment stands.
type collector struct {
	percent int   // 0: the environment's
	limit   int64 // bytes; 0: the environment's, or the machine does not tell its memory
	told    bool  // by the environment: the limit
}

const gcPercent = 200

func newCollector(getenv func(string) string, root fs.FS) collector {
	var c collector
	if getenv("GOGC") == "" {
		c.percent = gcPercent
	}
	if c.told = getenv("GOMEMLIMIT") != ""; !c.told {
		c.limit = memoryShare(root)
	}
	return c
}

func (c collector) set() {
	if c.percent > 0 {
		debug.SetGCPercent(c.percent)
	}
	if c.limit > 0 {
		debug.SetMemoryLimit(c.limit)
	}
}

// String tells people what is set.
func (c collector) String() string {
	gogc, limit := "from the environment", "from the environment"
	if c.percent > 0 {
		gogc = strconv.Itoa(c.percent)
	}
	if !c.told {
		limit = "none: the machine does not tell its memory"
	}
	if c.limit > 0 {
		limit = fmt.Sprintf("%d MiB", c.limit>>20)
	}
	return "GOGC " + gogc + ", GOMEMLIMIT " + limit
}

// LogValue implements slog.LogValuer.
func (c collector) LogValue() slog.Value { return slog.StringValue(c.String()) }

// memoryShare is what the server may fill: half of the machine, on which Postgres, Redis and Asterisk live too, and most of a
// control group (version 2), which is ours alone. 0: nothing tells.
func memoryShare(root fs.FS) int64 {
	share := machineMemory(root) / 2
	if group := groupMemory(root); group > 0 {
		ours := group / 10 * 9
		share = min(cmp.Or(share, ours), ours)
	}
	return share
}

func machineMemory(root fs.FS) int64 {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if n, err := fmt.Sscanf(line, "MemTotal: %d kB", &kib); err == nil && n == 1 {
			return kib << 10
		}
	}
	return 0
}

// groupMemory is the smallest limit of the process's group and those around it.
func groupMemory(root fs.FS) int64 {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	var smallest int64
	for line := range strings.Lines(string(text)) {
		group, unified := strings.CutPrefix(strings.TrimSpace(line), "0::")
		for unified {
			limit, err := fs.ReadFile(root, path.Join("sys/fs/cgroup", group, "memory.max"))
			if n, bad := strconv.ParseInt(strings.TrimSpace(string(limit)), 10, 64); err == nil && bad == nil { // "max": none
				smallest = min(cmp.Or(smallest, n), n)
			}
			if group == "/" || group == "." {
				break
			}
			group = path.Dir(group)
		}
	}
	return smallest
}
