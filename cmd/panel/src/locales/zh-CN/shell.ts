export default {
  nav: { seat: '接听席', recorder: '记录席', deputy: '副手席', seats: '选择席位', tickets: '工单', board: '实时看板', settings: '设置', logout: '退出登录', signOut: '签出席位' },
  link: {
    live: '连接正常',
    connecting: '正在连接',
    lost: '连接中断，通话不受影响，正在恢复',
    ended: '登录已失效，请重新登录',
    denied: '没有权限接收这里的实时消息',
    liveSince: '数据实时 · 更新于 {s} 秒前',
    stale: '未连接，以下为 {time} 的数据',
    reload: '立即重连',
  },
  session: { title: '第{number}场 {unit}', until: '{time} 截止', left: '（还有 {left}）', over: '（接听时间已到）', none: '现在没有开放的场次' },
  role: { official: '接听人', recorder: '记录员', operator: '话务员', supervisor: '班长', office: '办公厅', unit: '承办单位', deputy: '副手', room: '在场负责人' },
  denied: {
    title: '这里需要别的权限',
    body: '您的账号不能打开这个页面。需要使用的话，请联系管理员调整权限。',
    missingTitle: '没有这个页面',
    missingBody: '地址可能写错了，或者页面已经移走。',
    home: '回到首页',
  },
}
