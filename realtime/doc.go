// Package realtime pushes what happens to browsers over WebSockets. It knows topics, facts and gauges, and no domain: what a topic
// means and who may hear it is told by an Authorizer.
//
// asyncapi.json describes all of this for those outside. Messages are JSON text frames from server to browser; the browser says nothing
// (commands go by HTTP):
//
//	{"type":"hello","position":"12-34","resumed":true}     first; resumed false: read fresh snapshots
//	{"type":"fact","position":"12-35","kind":"call.offered","subject":"…","topics":["…"],"at":"…","actor":"…","data":{…}}
//	{"type":"passed","position":"12-35"}                    everything up to there has been told
//	{"type":"gauge","topic":"board","at":"…","data":{…}}    worth only its latest value, never stored
//
// A browser reads a snapshot by HTTP, which carries a position, asks for a ticket with that position, and opens the socket with it: the
// ticket travels as a subprotocol, works once, and is never echoed. Facts after the position follow without a gap.
//
// A fact of one seat, call or ticket may come before its turn, with "early":true. It is not told again, but its position is none to resume
// from: what comes between has not been told. The position of a later fact without the mark is, and so is that of "passed". Whoever resumes
// from before an early fact is told it again.
//
// Close codes: 3001 going away, 3008 too slow, 3010 position too old (all three: reconnect), 3500 login ended, 3501 not allowed (do
// not), 4429 too many messages.
//
// A slow reader is cut and told so; nobody waits for it and nothing is skipped in silence (style 12).
package realtime
