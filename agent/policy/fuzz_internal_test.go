package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzCan : the table as people read it, a word at a time, says what Can says, and nothing else is allowed (reliability.md 10).
func FuzzCan(f *testing.F) {
	for _, seed := range []struct {
		roles  uint16
		action uint8
		what   uint8
	}{{0, 0, 0}, {1, uint8(ReadDesk), 1}, {1 << 5, uint8(ReadTickets), 2}, {1 << 5, uint8(ReadTickets), 6}, {1<<6 | 1, uint8(ManagePeople), 7}, {1 << 9, 255, 7}} {
		f.Add(seed.roles, seed.action, seed.what)
	}
	f.Fuzz(func(t *testing.T, mask uint16, action, what uint8) {
		var roles []Role
		for i, r := range append(Roles(), "king") {
			if mask&(1<<i) != 0 {
				roles = append(roles, r)
			}
		}
		r := Resource{Own: what&1 != 0, SameUnit: what&2 != 0, Withheld: what&4 != 0}
		require.Equal(t, slowly(roles, Action(action), r), Can(roles, Action(action), r), "%v %s %+v", roles, Action(action), r)
	})
}

// slowly reads the table's words.
func slowly(roles []Role, a Action, r Resource) bool {
	admin := func(r Role) bool { return strings.HasSuffix(string(r), "_admin") }
	may := false
	for _, role := range roles {
		if admin(role) && len(roles) > 1 {
			return false
		}
		for i, column := range Roles() {
			if role != column || int(a) >= len(table) || a == 0 {
				continue
			}
			switch strings.Fields(table[a].cells)[i] {
			case "all":
				may = true
			case "unit":
				may = may || r.Own || r.SameUnit && !r.Withheld
			case "own":
				may = may || r.Own
			}
		}
	}
	return may
}
