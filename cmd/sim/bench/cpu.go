package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is Linux's USER_HZ, by which /proc counts, on every architecture that Go knows.
const tick = 10 * time.Millisecond

// process is what /proc tells of one.
type process struct {
	parent int
	used   time.Duration
}

// cpu is the processor time that each named process and its children have used.
func cpu(roots map[string]int) map[string]time.Duration {
	all := map[int]process{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		b, readErr := os.ReadFile(path)
		if err != nil || readErr != nil {
			continue // it has ended
		}
		if p, ok := parseStat(b); ok {
			all[pid] = p
		}
	}
	used := map[string]time.Duration{}
	for name, root := range roots {
		for pid, p := range all {
			if pid == root || below(all, pid, root) {
				used[name] += p.used
			}
		}
	}
	return used
}

func below(all map[int]process, pid, root int) bool {
	for range 64 { // a process table that changes while it is read may have rings
		p, ok := all[pid]
		if !ok {
			return false
		}
		if p.parent == root {
			return true
		}
		pid = p.parent
	}
	return false
}

// parseStat reads what follows the command's name, which may hold anything: state, parent, … utime and stime, and those of children
// that have ended, as the connections of a database do.
func parseStat(b []byte) (process, bool) {
	i := bytes.LastIndexByte(b, ')')
	fields := bytes.Fields(b[i+1:])
	if i < 0 || len(fields) < 15 {
		return process{}, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return process{}, false
	}
	p := process{parent: parent}
	for _, field := range fields[11:15] {
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return process{}, false
		}
		p.used += time.Duration(ticks) * tick
	}
	return p, true
}

// load is the machine's load average.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := bytes.Fields(b)
	if len(fields) < 3 {
		return "unknown"
	}
	return fmt.Sprintf("%s %s %s", fields[0], fields[1], fields[2])
}
