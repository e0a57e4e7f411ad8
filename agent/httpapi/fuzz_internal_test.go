package httpapi

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
)

// FuzzContact : what goes into the exchange's configuration and is dialled is the seat's own name at one address of the seats' networks,
// spelled in one way (RS12).
func FuzzContact(f *testing.F) {
	for _, seed := range []string{
		"sip:A01@127.0.0.3:5070", "sip:A01@127.0.0.3:5070\nauth=x", "sip:A01@127.0.0.3:5070;transport=ws", "sip:A02@127.0.0.3:5070", "sip:A01@[::1]:5070", "sip:A01@127.0.0.3:0",
		"sip:A01@127.0.0.3", "sip:A01@127.0.0.3:05070", "sip:A01@[::ffff:127.0.0.3]:5070", "sip:A01@[fe80::1%lo]:5070", "SIP:A01@127.0.0.3:5070", "", "sip:A01@198.51.100.1:5060",
	} {
		f.Add("A01", true, seed)
	}
	ours := netip.MustParsePrefix("127.0.0.0/8")
	h := &handler{Deps{SIPSeats: true, SIPNetworks: []netip.Prefix{ours}}}
	f.Fuzz(func(t *testing.T, seat string, sip bool, contact string) {
		phone := agent.PhoneBrowser
		if sip {
			phone = agent.PhoneSIP
		}
		if h.checkPhone(agent.SeatID(seat), phone, contact) != nil {
			return
		}
		if !sip {
			require.Empty(t, contact)
			return
		}
		addr, err := netip.ParseAddrPort(contact[len("sip:"+seat+"@"):])
		require.NoError(t, err)
		require.Equal(t, "sip:"+seat+"@"+addr.String(), contact)
		require.True(t, ours.Contains(addr.Addr()))
		require.NotZero(t, addr.Port())
	})
}
