// The microphone: asked for once, before anything of WebRTC, and kept until the seat is left (telephony.md 3.5: without it
// Chromium hides its addresses and the exchange cannot reach the page).

export type MicrophoneFault = 'insecure' | 'no_device' | 'denied' | 'in_use' | 'unplugged'

export class MicrophoneError extends Error {
  override readonly name = 'MicrophoneError'

  constructor(readonly fault: MicrophoneFault) {
    super(`microphone: ${fault}`)
  }
}

export function faultOf(err: unknown): MicrophoneFault {
  const name = err instanceof DOMException || err instanceof Error ? err.name : ''
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied'
    case 'NotReadableError':
    case 'AbortError':
      return 'in_use'
    default:
      return 'no_device'
  }
}

export async function openMicrophone(): Promise<MediaStream> {
  // Browsers hide the whole interface on pages that came over plain http from another computer.
  const devices = (navigator as { mediaDevices?: MediaDevices }).mediaDevices
  if (!isSecureContext || !devices) throw new MicrophoneError('insecure')
  try {
    return await devices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    })
  } catch (err) {
    throw new MicrophoneError(faultOf(err))
  }
}

export const heardLevel = 0.02 // of full scale: a person who speaks, not a fan

// meter reports the loudness of a stream, 0 to 1, some fifteen times a second, until it is stopped.
export function meter(stream: MediaStream, level: (v: number) => void): () => void {
  const audio = new AudioContext()
  void audio.resume()
  const analyser = audio.createAnalyser()
  analyser.fftSize = 1024
  audio.createMediaStreamSource(stream).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    level(Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length))
  }, 66)
  return () => {
    clearInterval(timer)
    void audio.close()
  }
}
