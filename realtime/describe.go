package realtime

import _ "embed"

//go:embed asyncapi.json
var asyncAPI []byte

// AsyncAPI is the description of the messages and close codes, an AsyncAPI 3 document.
func AsyncAPI() []byte { return asyncAPI }
