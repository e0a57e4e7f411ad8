package ari

import (
	"context"
	"maps"
	"net"
	"net/http/httptrace"
	"slices"
	"sync"
	"sync/atomic"
)

// fenced is a connection that asks once more before the bytes of a command go out. Between the first question and the write
// lie the wait for a place in the pool, perhaps a dial, and a change of goroutine: a process that is stopped there and goes on
// half a minute later must not send what it was permitted then (F6). Here nothing lies between but the system call.
//
// A command that nobody has answered dies with its connection: the kernel would deliver it whenever the network comes back,
// long after it was given up (F17).
type fenced struct {
	net.Conn

	pool   *pool                        // nil: it is in none
	permit atomic.Pointer[func() error] // of the request that has the connection
	asked  atomic.Bool                  // something was written since the last answer
}

func (c *fenced) Write(b []byte) (int, error) {
	if permit := c.permit.Load(); permit != nil {
		if err := (*permit)(); err != nil {
			return 0, err
		}
	}
	c.asked.Store(true)
	return c.Conn.Write(b)
}

func (c *fenced) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.asked.Store(false)
	}
	return n, err
}

// Close throws away what was not delivered.
func (c *fenced) Close() error {
	if c.pool != nil {
		c.pool.forget(c)
	}
	if tcp, ok := c.Conn.(*net.TCPConn); ok && c.asked.Load() {
		_ = tcp.SetLinger(0) // a connection that is broken anyway has nothing to throw away
	}
	return c.Conn.Close()
}

// pool knows the connections that are open.
type pool struct {
	net.Dialer

	mu   sync.Mutex
	open map[*fenced]struct{} // guarded by mu
}

func (p *pool) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := p.Dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &fenced{Conn: conn, pool: p}
	p.open[c] = struct{}{}
	return c, nil
}

func (p *pool) forget(c *fenced) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

// drop closes all: who waits on one of them for an answer need not wait any longer.
func (p *pool) drop() {
	p.mu.Lock()
	all := slices.Collect(maps.Keys(p.open))
	p.mu.Unlock()
	for _, c := range all {
		_ = c.Close() // it is given up, whatever it says
	}
}

// withPermit lets whichever connection a request gets ask for it.
func withPermit(ctx context.Context, permit func() error) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		conn := got.Conn
		if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = secure.NetConn()
		}
		if f, ok := conn.(*fenced); ok {
			f.permit.Store(&permit)
		}
	}})
}
