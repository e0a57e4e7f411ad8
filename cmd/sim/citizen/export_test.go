package citizen

// FreePorts is freePorts.
var FreePorts = freePorts
