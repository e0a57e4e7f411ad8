package phone

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// frame is 20 ms of A-law at 8 kHz.
const frame = 160

// Voice is the audio of one call: it repeats a recording and hands over what it hears.
type Voice struct {
	conn   *net.UDPConn
	speech []byte            // A-law; empty: silence is sent
	hear   func(alaw []byte) // may be nil; called for each packet
	remote atomic.Pointer[net.UDPAddr]
	once   sync.Once
	stop   chan struct{}

	sent, received atomic.Int64
}

// NewVoice opens an RTP port on ip. speech is A-law at 8 kHz and is repeated; hear gets every packet's payload.
func NewVoice(ip string, speech []byte, hear func(alaw []byte)) (*Voice, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		return nil, fmt.Errorf("open RTP port on %s: %w", ip, err)
	}
	return &Voice{conn: conn, speech: speech, hear: hear, stop: make(chan struct{})}, nil
}

// Sent counts RTP packets sent.
func (v *Voice) Sent() int64 { return v.sent.Load() }

// Received counts RTP packets heard.
func (v *Voice) Received() int64 { return v.received.Load() }

// Close ends the audio; twice is harmless.
func (v *Voice) Close() {
	v.once.Do(func() {
		close(v.stop)
		_ = v.conn.Close()
	})
}

// offer is the SDP of this side: G.711 A-law only.
func (v *Voice) offer() []byte {
	a, _ := v.conn.LocalAddr().(*net.UDPAddr)
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n",
		a.IP, a.IP, a.Port)
}

// connect starts sending to, and hearing from, the address in the other side's SDP.
func (v *Voice) connect(sdp []byte) error {
	addr, err := mediaAddress(sdp)
	if err != nil {
		return err
	}
	if v.remote.Swap(addr) == nil {
		go v.speak()
		go v.listen()
	}
	return nil
}

// Await listens without knowing the other side, and speaks to whoever is heard first: for a caller whose signalling is done
// by another program.
func (v *Voice) Await() { go v.listen() }

// Addr is the RTP address.
func (v *Voice) Addr() *net.UDPAddr {
	a, _ := v.conn.LocalAddr().(*net.UDPAddr)
	return a
}

func (v *Voice) speak() {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	packet := make([]byte, 12+frame)
	packet[0], packet[1] = 0x80, 8
	seq, stamp := uint16(rand.Uint32()), rand.Uint32()    //nolint:gosec // RTP wants unpredictable, not secret, starts
	binary.BigEndian.PutUint32(packet[8:], rand.Uint32()) //nolint:gosec // an SSRC is an identifier
	at := 0
	for {
		select {
		case <-v.stop:
			return
		case <-ticker.C:
		}
		binary.BigEndian.PutUint16(packet[2:], seq)
		binary.BigEndian.PutUint32(packet[4:], stamp)
		for i := range frame {
			packet[12+i] = 0xD5 // A-law silence
			if len(v.speech) > 0 {
				packet[12+i] = v.speech[(at+i)%len(v.speech)]
			}
		}
		seq, stamp, at = seq+1, stamp+frame, at+frame
		if _, err := v.conn.WriteToUDP(packet, v.remote.Load()); err == nil {
			v.sent.Add(1)
		}
	}
}

func (v *Voice) listen() {
	buf := make([]byte, 1500)
	for {
		n, from, err := v.conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		if v.remote.CompareAndSwap(nil, from) {
			go v.speak()
		}
		if n <= 12 || buf[1]&0x7f != 8 {
			continue
		}
		v.received.Add(1)
		if v.hear != nil {
			v.hear(buf[12:n])
		}
	}
}
