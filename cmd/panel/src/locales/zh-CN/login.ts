export default {
  login: {
    hello: '您好，请登录',
    intro: '登录后选择席位，就可以接听群众来电。',
    name: '用户名',
    password: '密码',
    submit: '登录',
    busy: '正在登录…',
    show: '显示密码',
    hide: '隐藏密码',
    needName: '请输入用户名',
    needPassword: '请输入密码',
    help: '忘记密码请联系现场工作人员。',
    ended: '登录已失效，请重新登录。正在进行的通话不会中断。',
    capsLock: '大写锁定已打开',
  },
}
