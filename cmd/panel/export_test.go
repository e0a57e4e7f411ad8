package panel

// Serve is the handler over any files.
var Serve = serve
