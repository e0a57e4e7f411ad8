// What axe says and we do not follow, each with its reason. `where` is a part of the element's selector or markup.
export const ignored = [
  {
    rule: 'region',
    where: 'el-popper',
    why: 'A tooltip hangs at the end of the body so that nothing cuts it off; what it explains names it by aria-describedby.',
  },
  {
    rule: 'region',
    where: 'el-scrollbar__wrap',
    why: 'A menu hangs at the end of the body so that nothing cuts it off; the button that opens it names it by aria-controls.',
  },
]
