// In place of @ctrl/tinycolor, five kilobytes that Element Plus brings for one case: a button with a colour of its own. Our buttons
// have the colours of the tokens.
export class TinyColor {
  constructor(colour: unknown) {
    throw new Error(`a button with the colour ${String(colour)}: use a type or a class`)
  }
}
