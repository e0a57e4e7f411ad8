package policy

// Action is something that a person may or may not do. The zero Action is none: whatever declares it is closed.
type Action uint8

// The actions; the table says what they are.
const (
	_ Action = iota

	ReadSelf
	ReadSession
	OpenPush

	ReadSeats
	SitOfficial
	SitOperator
	SitRecorder
	SitDeputy
	SitRoom
	SitSupervisor
	LeaveSeat
	SetIntent
	UsePhone
	PhoneBeside

	ReadDesk
	HearLine
	HearWaiting
	DeclineOffer
	HangUp
	HoldCall
	MuteCall
	NextCaller
	ReadBoard
	ReadCallbacks
	EndCallback
	SeeNumber

	ReadPop
	ReadTickets
	WriteTickets
	ReadPromise
	ExportTickets

	ManagePeople
	ManageRights
	ReadAudit

	ReadSettings
	TuneLines
	PlanSettings
	AgreeSettings

	FollowOne
)

// table is the whole matrix: a row per action, a column per role, each cell a Scope. The golden file of cmd/hotline says what
// the running server makes of it.
//
// What is one's own: the seat where one sits and the call that it holds, but for who sits there for the room or to supervise; the line
// of that seat; a seat that is assigned to one, to look at; a ticket that one holds, took or wrote in.
var table = [...]right{ //nolint:gochecknoglobals // a table that nobody writes
	//             official  operator   office    system    audit
	//                  recorder  supervisor unit      security
	ReadSelf:      {"all  all  all  all  all  all  all  all  all", "self.read", "who one is and where one sits"},
	ReadSession:   {"all  all  all  all  all  all  all  all  all", "session.read", "the session that takes calls"},
	OpenPush:      {"all  all  all  all  all  all  all  all  all", "push.open", "a push socket; each topic has an action of its own"},
	ReadSeats:     {"all  all  all  all  all  own  all  -    -", "seats.read", "who sits where, and in what state"},
	SitOfficial:   {"all  -    -    -    -    -    -    -    -", "seat.sit.official", "the answering place at an official's seat"},
	SitOperator:   {"-    -    all  all  -    -    -    -    -", "seat.sit.operator", "the answering place at an operator's seat"},
	SitRecorder:   {"-    all  all  all  -    -    -    -    -", "seat.sit.recorder", "the place of who writes"},
	SitDeputy:     {"all  -    -    -    -    -    -    -    -", "seat.sit.deputy", "the place of who stands in for the official"},
	SitRoom:       {"all  -    -    -    all  all  -    -    -", "seat.sit.room", "the place of who is at hand in the hall"},
	SitSupervisor: {"-    -    -    all  -    -    -    -    -", "seat.sit.supervisor", "the supervisor's place at a seat"},
	LeaveSeat:     {"own  own  own  all  own  own  -    -    -", "seat.leave", "give a place back; somebody else's with a reason (A14)"},
	SetIntent:     {"own  -    own  all  -    -    -    -    -", "seat.intent", "ready, rest, busy; somebody else's with a reason (A14)"},
	UsePhone:      {"own  -    own  own  -    -    -    -    -", "seat.phone", "the seat's telephone and its sound"},
	PhoneBeside:   {"own  own  own  own  own  own  -    -    -", "seat.beside", "the telephone of a place beside"},
	ReadDesk:      {"own  own  own  all  -    -    -    -    -", "desk.read", "the call at a seat"},
	HearLine:      {"-    -    own  all  all  -    -    -    -", "line.hear", "the news of all a line's seats and calls"},
	HearWaiting:   {"own  own  own  all  all  -    -    -    -", "line.waiting", "how many wait in a line"},
	DeclineOffer:  {"own  own  own  all  -    -    -    -    -", "offer.decline", "give an offered caller back to the line"},
	HangUp:        {"own  own  own  all  -    -    -    -    -", "call.hangup", "end one's part; who is not at the seat ends the call"},
	HoldCall:      {"own  own  own  own  -    -    -    -    -", "call.hold", "music for the citizen, and back"},
	MuteCall:      {"own  -    own  own  -    -    -    -    -", "call.mute", "one's own microphone"},
	NextCaller:    {"own  own  own  all  -    -    -    -    -", "call.next", "end a seat's wrap-up"},
	ReadBoard:     {"-    -    all  all  all  -    -    -    -", "board.read", "waiting callers and counts"},
	ReadCallbacks: {"-    -    all  all  -    -    -    -    -", "callbacks.read", "callers whom nobody reached"},
	EndCallback:   {"-    -    all  all  -    -    -    -    -", "callbacks.end", "say that such a caller was called back, or cannot be reached"},
	SeeNumber:     {"own  own  own  all  all  -    -    -    -", "number.see", "a citizen's full number, audited"},
	ReadPop:       {"own  own  all  all  all  -    -    -    -", "pop.read", "who calls, and what they brought before"},
	ReadTickets:   {"unit unit all  all  all  unit -    -    -", "tickets.read", "tickets"},
	WriteTickets:  {"own  own  all  all  all  -    -    -    -", "tickets.write", "drafts, further appeals, registration"},
	ReadPromise:   {"all  all  all  all  all  all  all  all  all", "promise.read", "what would be promised now"},
	ExportTickets: {"-    -    -    -    all  -    -    -    -", "tickets.export", "lists with personal data, with a reason"},
	ManagePeople:  {"-    -    -    -    -    -    all  -    -", "people.manage", "people, seats, lines"},
	ManageRights:  {"-    -    -    -    -    -    -    all  -", "rights.manage", "roles and policies"},
	ReadAudit:     {"-    -    -    -    -    -    -    -    all", "audit.read", "the audit trail"},
	ReadSettings:  {"-    -    -    all  all  -    all  -    all", "settings.read", "what the hotline goes by, since when, and who changed it"},
	TuneLines:     {"-    -    -    all  -    -    all  -    -", "settings.tune", "propose how a line rings and wraps up"},
	PlanSettings:  {"-    -    -    -    all  -    all  -    -", "settings.plan", "propose limits and holidays"},
	AgreeSettings: {"-    -    -    -    all  -    -    -    -", "settings.approve", "agree as the second person"},
	FollowOne:     {"-    -    -    -    -    -    -    -    -", "one.follow", "the news of one call or ticket: nobody asks for it"},
}

// right is a row of the table.
type right struct {
	cells string // each width wide, in the order of Roles
	name  string
	what  string
}

const width = len("unit ")

// scope reads one cell.
func (r right) scope(role Role) Scope {
	at := column(role) * width
	if at < 0 || at >= len(r.cells) {
		return None
	}
	switch r.cells[at] {
	case 'a':
		return All
	case 'u':
		return Unit
	case 'o':
		return Own
	}
	return None
}

// column is a role's place in the rows; negative: there is no such role.
func column(r Role) int {
	switch r {
	case Official:
		return 0
	case Recorder:
		return 1
	case Operator:
		return 2
	case Supervisor:
		return 3
	case Office:
		return 4
	case UnitClerk:
		return 5
	case SystemAdmin:
		return 6
	case SecurityAdmin:
		return 7
	case AuditAdmin:
		return 8
	}
	return -1
}

// Actions lists every action, in the order of the table.
func Actions() []Action {
	all := make([]Action, 0, len(table)-1)
	for a := range table[1:] {
		all = append(all, Action(a+1))
	}
	return all
}

// Declared says that the action is in the table.
func (a Action) Declared() bool { return a > 0 && int(a) < len(table) }

// String is the action's name, as problems and logs write it.
func (a Action) String() string {
	if !a.Declared() {
		return "none"
	}
	return table[a].name
}

// What says in a few words what the action is.
func (a Action) What() string {
	if !a.Declared() {
		return ""
	}
	return table[a].what
}
