"""Templates of everyday sentences with their punctuation, for `chat_text.py`: questions, statements, several clauses.

A slot of one letter stands for a word of the tables, or for a number ({n}), date ({a}), time ({h}) or telephone ({f}).
"""

# ruff: noqa: E501, SIM905 - a template a line, however long; word lists are easier to read as text
from demo_recipe.text.templates import lines

ZH_WORDS = {
    "w": "我 你 他 她 我们 你们 他们 老师 妈妈 爸爸 朋友 大家 小明 医生 老板 王经理 李先生 张女士 哥哥 姐姐 同事 客户 邻居 孩子 小张".split(),
    "t": """手机 电脑 文件 音乐 电影 天气 会议 报告 车票 房间 空调 电视 晚饭 作业 项目 邮件 问题 价格 地址 时间 密码 航班 酒店 快递 合同
        计划 新闻 咖啡 衣服 工作 照片 视频 雨伞 钥匙 钱包 书 杂志 药 蛋糕 水果 礼物 机票 护照 数据 系统 程序 产品 服务 方案 图片 表格 账号
        自行车 汽车 冰箱 洗衣机 窗帘 灯 游戏 歌 比赛 考试 课程 面试 结果 消息""".split(),
    "p": "北京 上海 广州 深圳 杭州 成都 学校 公司 医院 家里 机场 车站 超市 公园 办公室 餐厅 银行 图书馆 楼下 会议室 商店 酒店 邮局 海边 乡下 国外".split(),
    "d": "打开 关闭 查看 发送 修改 准备 讨论 完成 取消 检查 下载 购买 介绍 整理 解决 收拾 安排 更新 删除 保存 寻找 选择 研究 使用 处理 测试 确认".split(),
    "q": "很好 不错 太贵了 有点难 很有意思 很重要 不太方便 特别快 非常复杂 挺便宜 很漂亮 很简单 太晚了 很麻烦 有用 很安全".split(),
    "m": "高兴 累 忙 饿 紧张 难过 开心 着急 满意 担心 生气 舒服".split(),
    "s": "唱歌 跳舞 游泳 跑步 爬山 看书 旅游 打篮球 做饭 开车 休息 吃饭 睡觉 上班 开会 买菜 喝茶 聊天 加班 散步".split(),
    "c": "今天 明天 昨天 后天 周末 下个月 早上 下午 晚上 刚才 最近 上周 每天 今年 以前 等一会儿".split(),
}  # fmt: skip
EN_WORDS = {
    "w": "i,you,we,they,john,mary,my brother,the teacher,our team,the manager,my friend,everyone,the doctor,people,the kids".split(","),
    "t": """phone,computer,file,music,movie,weather,meeting,report,ticket,room,email,question,price,address,password,flight,hotel,contract,plan,news,
        coffee,project,book,car,message,picture,video,key,game,song,bike,umbrella,order,package,list,menu,letter,idea,problem,answer,story,house,
        garden,kitchen,lesson,test,letter,machine,screen,battery,window,door,light,camera,map,number,photo,bill,dinner,cake""".replace("\n", "").replace(" ", "").split(","),
    "p": "london,paris,school,the office,the airport,the station,the bank,home,new york,the hospital,the park,the library,china,the beach,the store,the city,the restaurant,work".split(","),
    "d": "open,close,check,send,change,prepare,discuss,finish,cancel,buy,fix,read,write,find,see,bring,use,take,get,need,show,clean,move,save,update,choose,test".split(","),
    "q": "good,great,too expensive,very useful,quite difficult,really interesting,important,wrong,fine,late,ready,broken,almost done,very small,easy,perfect,not bad,beautiful".split(","),
    "m": "happy,tired,busy,hungry,nervous,sad,worried,sure,afraid,excited,late,sick".split(","),
    "s": "sing,dance,swim,go home,run,travel,cook,drive,rest,eat,sleep,work,wait,talk,leave,start again,come with us,have lunch,stay here,play football".split(","),
    "c": "today,tomorrow,yesterday,this morning,tonight,next week,last year,every day,right now,in the evening,on monday,at the weekend,later,soon,these days".split(","),
}  # fmt: skip

_ZH_QUESTIONS = lines(
    """
    {w}想要什么{t}？
    {w}什么时候去{p}？
    {w}在{p}吗？
    你能{d}{t}吗？
    这个{t}怎么{d}？
    {t}在哪里？
    为什么要{d}{t}？
    {w}可以{d}{t}吗？
    {t}多少钱？
    你觉得这个{t}怎么样？
    {w}是谁？
    我们几点去{p}？
    {p}离这里远不远？
    你好吗？
    是不是？
    要不要{d}{t}？
    有没有{t}？
    {w}为什么不去{p}？
    {c}{p}天气怎么样？
    你叫什么名字？
    你听得到吗？
    {w}的{t}呢？
    对吗？
    谁能{d}这个{t}？
    哪个{t}比较好？
    怎么去{p}？
    你知道{t}在哪吗？
    {w}有几个{t}？
    现在几点了？
    {c}星期几？
    {c}几号？
    你的电话号码是多少？
    一共多少钱？
    还有别的问题吗？
    请问{p}怎么走？
    这是什么？
    {w}吃饭了吗？
    真的吗？
    {w}去不去{p}？
    {w}是不是在{p}{s}？
    {c}有什么{t}？
    你喜欢{s}还是{s}？
    你要{t}还是{t}？
    {w}{c}有空吗？
    {w}最近忙不忙？
    你能不能帮我{d}一下{t}？
    可不可以{c}再{d}？
    {w}怎么还没到{p}？
    {w}到底想{d}什么？
    你难道不{m}吗？
    难道{w}不知道这件事吗？
    这件事跟{w}有什么关系？
    {t}什么时候能{d}好？
    {t}是谁的？
    你在{p}做什么？
    从这里到{p}要多久？
    {t}是怎么{d}的？
    {w}多大了？
    你打算怎么{d}{t}？
    {w}会{s}吗？
    你{s}了没有？
    这样行不行？
    好不好？
    你看可以吗？
    {w}说的是哪个{t}？
    {w}是哪里人？
    您需要什么帮助？
    您确定要{d}这个{t}吗？
    要现在{d}{t}吗？
    是否{d}{t}？
    还有多少{t}没有{d}？
    {c}谁来{d}{t}？
    为什么{t}这么{q}？
    这个{t}是不是{q}？
    {w}在哪儿{s}？
    你怎么知道的？
    什么意思？
    怎么了？
    哪位？
    {w}明白了吗？
    咱们{c}去哪里{s}？
    你们那里现在几点？
    {w}昨天为什么没有来？
    你说的是{t}还是{t}？
    我们是坐车去还是走路去{p}？
    你吃饭了吗？
    {w}有没有告诉你{t}在哪里？
    谁把{t}拿走了？
    你们打算什么时候开始{d}{t}？
    {w}怎么会在{p}？
    这样做会不会{q}？
    到底是谁{d}了{t}？
    能不能帮我{d}一下{t}？
    我可以问你一个问题吗？
    你最喜欢的{t}是什么？
    您贵姓？
    请问您找谁？
    请问这附近有{p}吗？
    请问去{p}怎么走？
    你知道{w}的电话号码吗？
    你知道{t}是怎么回事吗？
    你难道忘了要{d}{t}吗？
    有谁愿意跟我去{p}？
    还需要我{d}什么吗？
    要是{w}不同意怎么办？
    如果没有{t}该怎么办？
    {t}丢了怎么办？
    从{p}到{p}坐地铁需要多长时间？
    一个{t}大概要多少钱？
    你在{p}待了多久？
    你来{p}多长时间了？
    {w}平时喜欢做什么？
    {c}的{t}取消了吗？
    这件事你怎么看？
    你为什么这么{m}？
    何必这么{m}呢？
    {w}去哪儿了呢？
    我怎么不知道呢？
    不是说好{c}去{p}的吗？
    你听说过{p}的{t}吗？
    下一步应该{d}什么？
    这里可以{s}吗？
    你更喜欢{s}还是{s}？
    {w}跟{w}是什么关系？
    有没有更好的{t}？
    {t}能用多久？
    你确定吗？
    真的吗？
    对不对？
    可以吗？
    什么时候？
    为什么？
    多少钱？
    在哪里？
    """
)
_ZH_STATEMENTS = lines(
    """
    请{d}{t}。
    {w}{c}去{p}。
    {w}已经{d}了{t}。
    我觉得这个{t}很好。
    {w}不在{p}。
    帮我{d}一下{t}。
    {t}在{p}。
    {w}{c}要{d}{t}。
    这个{t}{q}。
    谢谢你的{t}。
    {w}很喜欢这个{t}。
    我不知道。
    没关系。
    好的。
    没问题。
    对不起。
    {c}天气很好。
    大家好。
    你好。
    再见。
    早上好。
    谢谢。
    不客气。
    我的名字叫小明。
    欢迎来到{p}。
    {w}正在{d}{t}。
    我们开始{d}{t}吧。
    {t}的价格是{n}元。
    {w}有{n}个{t}。
    会议{h}开始。
    {w}的电话是{f}。
    {p}{c}{n}度。
    {w}{c}非常{m}。
    我想知道{w}什么时候去{p}。
    我不知道{t}在哪里。
    {w}告诉我怎么{d}{t}。
    我问他为什么不{s}。
    没有人知道{w}去了哪里。
    不管怎么样都要{d}{t}。
    {w}什么都没说。
    {w}和{w}一起去{p}{s}。
    我们应该先{d}{t}。
    {w}从{p}回来以后就一直在{s}。
    关于{t}的事情我已经{d}了。
    这是{w}{c}在{p}买的{t}。
    {w}把{t}放在{p}了。
    {t}被{w}{d}了。
    {c}的{t}比{c}的{q}。
    把{t}{d}一下。
    去{p}的路上要小心。
    {w}对这个{t}很{m}。
    {c}我要去{p}跟{w}{s}。
    我再也不想{s}了。
    这就是我说的那个{t}。
    {w}问我什么时候能{d}{t}。
    我忘了{t}放在哪儿了。
    我们还没决定去不去{p}。
    不知道{w}会不会来。
    谁也不知道该怎么办。
    {w}想不起来{t}叫什么名字。
    我来告诉你为什么{t}这么{q}。
    看看{t}有没有{d}好。
    {w}总是不知道该怎么{d}{t}。
    哪里都找不到{t}。
    多少钱都可以。
    多亏了{w}帮忙。
    好久不见。
    辛苦了。
    祝你生日快乐。
    路上小心。
    慢走。
    快来{p}。
    别忘了{d}{t}。
    不要在{p}{s}。
    {w}刚从{p}回来。
    我明白你的意思了。
    让我想一想。
    {w}说{c}不去{p}了。
    这几天一直在{d}{t}。
    天快黑了。
    大家都同意{w}的意见。
    """
)
_ZH_LINKED = lines(
    """
    如果{w}去{p}，我们就{d}{t}。
    因为{t}不好，所以{w}没有{d}。
    虽然{w}在{p}，但是没有{t}。
    你好，我是{w}。
    好的，谢谢。
    {w}去了{p}，然后{d}了{t}。
    不但要{d}{t}，而且要去{p}。
    {w}说，{t}在{p}。
    你好，请问{p}在哪里？
    对不起，我不知道。
    {w}买了{t}、{t}和{t}。
    {p}、{p}和{p}都很好。
    早上好，{c}是{a}。
    {c}是{a}，现在是{h}。
    谢谢，再见。
    你好，请问现在几点了？
    首先{d}{t}，其次去{p}，最后休息。
    只要{d}{t}，就可以去{p}。
    我的电话号码是{f}，谢谢。
    {w}想{d}{t}，可以吗？
    {c}{w}在{p}{s}，后来又去了{p}。
    {t}已经{d}好了，你可以来{p}拿。
    我觉得{t}{q}，不过{w}不同意。
    {w}很{m}，因为{t}{q}。
    既然{w}{c}没空，那我们就改天再{s}。
    即使{t}{q}，也要{d}。
    除非{w}来，否则不能{d}{t}。
    一边{s}，一边{d}{t}。
    要么{d}{t}，要么去{p}{s}。
    {w}不是{m}，而是有点{m}。
    嗯，我知道了。
    对，就是这个{t}。
    不，{t}不在{p}。
    是的，{w}已经{d}了。
    {w}，你在{p}吗？
    {w}，请{d}{t}。
    其实，这个{t}{q}。
    另外，{w}还要{d}{t}。
    比如{t}、{t}、{t}，都可以{d}。
    总的来说，{t}{q}，{t}也{q}。
    {c}去{p}的时候，别忘了{d}{t}。
    等{w}到了{p}，再{d}{t}。
    为了{d}{t}，{w}{c}去了{p}。
    据说{t}{q}，是真的吗？
    你{c}有空吗？我想跟你{s}。
    这个{t}怎么{d}？{w}说很简单，可是我不会。
    {t}找到了吗？还没有，我再看看。
    太好了，我们{c}一起去{s}吧。
    不好意思，我{c}要去{p}，不能{s}。
    没关系，你先{s}，我等你。
    经过{w}的努力，{t}终于{d}了。
    随着{t}的发展，越来越多的人开始{s}。
    {w}打电话来说，{t}{q}，让我们{c}去{p}。
    根据{t}，{w}应该先{d}{t}，再{d}{t}。
    {w}认为{t}{q}，{w}却觉得{t}{q}。
    在{p}，{w}可以{d}{t}，也可以{s}。
    请注意，{t}{c}将会{d}。
    {w}不想{s}，只想{s}。
    听{w}说，你{c}要去{p}，对吗？
    你想喝{t}，还是想{s}？
    这里有{n}个{t}，那里有{n}个，一共{n}个。
    你看，{t}{q}吧。
    {w}先去{p}，再去{p}，最后回{p}。
    大家好，我叫{w}，来自{p}，很高兴认识你们。
    你吃了吗？我还没吃呢，一起去吃吧。
    喂，你好，请问{w}在吗？
    我想{d}{t}，但是不知道怎么{d}，你能教我吗？
    {w}问{c}去不去{p}，我说不去。
    不管{w}来不来，我们都要{d}{t}。
    无论{t}{q}不{q}，{w}都不在乎。
    我{c}去了{p}，看到了很多{t}，觉得很{m}。
    他说他不知道，我也不知道，那谁知道？
    什么？你说{t}不见了？
    为什么不{s}呢？因为{w}{m}了。
    你先别{m}，慢慢说，到底怎么了？
    是吗？我怎么没听说？
    好啊，那{c}几点见？
    行，我知道了，谢谢你。
    哦，原来是这样。
    唉，真可惜，{t}已经{d}了。
    哇，这个{t}{q}。
    真的吗？太好了。
    没事，别担心，{w}会{d}的。
    对了，{t}{d}了没有？
    老实说，我不喜欢{s}。
    说实话，{t}{q}，你觉得呢？
    {c}天气不错，要不要去{p}{s}？
    虽然{t}{q}，可是{w}还是想{d}，怎么办？
    一方面要{d}{t}，另一方面也要{s}。
    {w}刚到{p}，就给我打电话，说{t}丢了。
    只有{d}了{t}，才能去{p}{s}。
    与其在{p}{s}，不如去{p}{s}。
    {w}一听说要去{p}，马上就{m}了起来。
    如果你有时间，请{d}一下{t}，好吗？
    看来{w}不会来了，我们走吧。
    {t}是{w}的，不是我的，你应该去问{w}。
    从{c}开始，{w}每天都{s}，从来没有停过。
    会议{h}开始，地点在{p}，请大家准时参加。
    首先，我来介绍一下{t}，然后{w}会{d}{t}。
    电话是{f}，有问题可以打给我。
    一共{n}个{t}，{n}个在{p}，其他的在{p}。
    你要红的还是蓝的？都可以，随便你。
    多少钱？{n}块，不贵吧？
    他什么时候回来？大概{c}吧，我也不清楚。
    """
)
ZH_TEMPLATES = (_ZH_QUESTIONS, _ZH_STATEMENTS, _ZH_LINKED)

_EN_QUESTIONS = lines(
    """
    where is the {t}?
    what is the {t}?
    how are you?
    can you {d} the {t}?
    why did you {d} the {t}?
    what time is it?
    when will {w} go to {p}?
    do you like this {t}?
    how much is the {t}?
    who can {d} the {t}?
    is this your {t}?
    what day is it {c}?
    what is your phone number?
    could you please {d} the {t}?
    are you in {p}?
    what is the date {c}?
    did {w} {d} the {t}?
    how can i {d} the {t}?
    which {t} is better?
    would you like some {t}?
    what is the time?
    how do i get to {p}?
    what is your name?
    have you seen the {t}?
    shall we {d} the {t}?
    what is my number?
    do you want to {s}?
    are they going to {s} {c}?
    is the {t} {q}?
    was the {t} {q}?
    why is the {t} so {q}?
    what are you doing {c}?
    where did {w} {d} that {t}?
    how long does it take to get to {p}?
    how many {t}s do you have?
    how often do you {s}?
    what kind of {t} do you {d}?
    who is going to {p}?
    whose {t} is this?
    what happened to the {t}?
    what do you think of the {t}?
    can i {s}?
    may i {d} your {t}?
    should we {d} the {t} {c}?
    will the {t} be {q}?
    would you {d} it again?
    does {w} know where the {t} is?
    have they ever been to {p}?
    has the {t} been sent?
    isn't the {t} {q}?
    don't you want to {s}?
    aren't you {m}?
    what's wrong with the {t}?
    where's my {t}?
    how's the weather in {p}?
    who's there?
    are you {m}?
    is there a {t} in {p}?
    are there any {t}s left?
    what else do we need?
    really?
    do you want to {d} this {t}?
    are you sure that you want to {d} the {t}?
    how far is it from {p} to {p}?
    why not?
    what about the {t}?
    how about {c}?
    which one do you {d}?
    when does the {t} start?
    what would you like to {d}?
    could {w} {s} {c}?
    did you remember to {d} the {t}?
    do you know what time it is?
    do you know where {w} went {c}?
    can you tell me where the {t} is?
    could you tell me how to get to {p}?
    would you mind if i {d} the {t}?
    how did you know that?
    what did {w} say about the {t}?
    what should i do if the {t} is {q}?
    who told you that the {t} was {q}?
    why didn't you {d} the {t} {c}?
    why don't we {s} {c}?
    how come the {t} is {q}?
    what makes you think so?
    is that {q}?
    is it going to be {q}?
    are there any questions?
    is anybody there?
    were you at {p} {c}?
    have you finished the {t}?
    has anyone seen my {t}?
    had they already left {p}?
    must we {d} the {t} again?
    haven't you heard the {t}?
    didn't {w} {d} the {t} {c}?
    won't you come with us to {p}?
    can't we just {s}?
    wasn't that the {t} we saw in {p}?
    where have you been?
    where are you from?
    what does this {t} mean?
    what time does the {t} open?
    how old are you?
    how much do i owe you?
    how far away is {p}?
    which way is {p}?
    whose turn is it?
    am i late?
    shall i {d} the {t} or the {t}?
    is it better to {s} or to {s}?
    and what about {w}?
    so what?
    what now?
    are you kidding?
    """
)
_EN_STATEMENTS = lines(
    """
    please {d} the {t}.
    {w} will go to {p} {c}.
    the {t} is in {p}.
    i think this {t} is {q}.
    thank you.
    good morning.
    good evening.
    hello.
    goodbye.
    i do not know.
    no problem.
    the weather is fine {c}.
    {w} can {d} the {t}.
    it is {h}.
    today is {a}.
    my phone number is {f}.
    you are welcome.
    the price is {n} dollars.
    the meeting starts at {h}.
    this {t} is {q}.
    we need to {d} the {t}.
    the temperature is {n} degrees.
    see you tomorrow.
    nice to meet you.
    thank you very much.
    {w} was born on {a}.
    i am {m} {c}.
    i don't know where the {t} is.
    {w} told me how to {d} the {t}.
    i wonder what {w} will {d}.
    ask him when the {t} starts.
    nobody knows why the {t} is {q}.
    there are {n} {t}s in {p}.
    {w} went to {p} to {d} a {t}.
    the {t} that {w} sent me is {q}.
    let's {d} the {t} and {s}.
    {w} would like to {s} {c}.
    it was {q}.
    that's {q}.
    i have to {s} {c}.
    they couldn't {d} the {t}.
    {w} never wanted to {s}.
    the {t} and the {t} are both {q}.
    turn off the {t} before you go to {p}.
    i can't remember where i put the {t}.
    tell me what you {d}.
    what i need is a {t}.
    how to {d} the {t} is not clear.
    i asked {w} whether the {t} was {q}.
    that is why the {t} is {q}.
    this is what {w} told me.
    do not {d} the {t} {c}.
    do it again.
    have a nice day.
    take care.
    we are going to be late.
    i have never been to {p}.
    there is nothing to {d} in {p}.
    let me know when you are in {p}.
    i was wondering if you could {d} the {t}.
    what a {q} {t}.
    whoever wants to {s} can {s}.
    when {w} called i was in {p}.
    it depends on the {t}.
    """
)
_EN_LINKED = lines(
    """
    if you go to {p}, we will {d} the {t}.
    hello, my name is john.
    yes, please.
    no, thank you.
    yes, i can {d} the {t}.
    {w} went to {p}, but the {t} was not there.
    when the {t} is ready, please {d} it.
    hello, how are you?
    first {d} the {t}, then go to {p}.
    thank you, goodbye.
    good morning, today is {a}.
    well, i do not know.
    excuse me, where is the {t}?
    today is {a}, and it is {h}.
    i have a {t}, a {t}, and a {t}.
    the {t} is {q}, isn't it?
    you are {m}, aren't you?
    {w}, could you {d} the {t}?
    {w}, please {d} the {t}.
    okay, let's {d} the {t}.
    because the {t} was {q}, {w} went to {p}.
    although the {t} is {q}, i like it.
    however, the {t} is {q}.
    for example, you can {d} the {t} in {p}.
    in fact, {w} did not {d} the {t}.
    {c}, {w} will {d} the {t}, and then we will {s}.
    i would like to {s}, but i am too {m}.
    after {w} went to {p}, the {t} was {q}.
    before you {s}, {d} the {t}.
    do you want the {t}, or would you rather {s}?
    the {t} is {q}, so we have to {s}.
    sorry, i can't {s} {c}.
    i went to {p}, {p}, and {p}.
    that's right, the {t} is in {p}.
    what time is it? it is {h}.
    where is the {t}? i think it is in {p}.
    are you {m}? no, i am {m}.
    oh, i see. the {t} is {q}.
    by the way, have you seen the {t}?
    so, what do you think about the {t}?
    unfortunately, the {t} was {q}, and {w} had to {s}.
    while {w} was in {p}, the {t} arrived.
    as you know, {w} will {s} {c}.
    finally, we should {d} the {t}, the {t}, and the {t}.
    i called {w}, but nobody answered.
    the {t}, which is {q}, belongs to {w}.
    on the other hand, the {t} is {q}.
    if the {t} is {q}, what should we do?
    i know, but the {t} is {q}.
    to {d} the {t}, go to {p}.
    ladies and gentlemen, welcome to {p}.
    what? you lost the {t}?
    why? because the {t} was {q}.
    wait, is that your {t}?
    i don't know, do you?
    you know {w}, don't you?
    it is {q}, right?
    if you are {m}, why don't you {s}?
    when you get to {p}, could you {d} the {t}?
    yes, but where is the {t}?
    hey, how was {p}?
    hi, this is {w}, is the doctor in?
    she asked me where i lived, and i told her.
    whether the {t} is {q} or not, we must {d} it.
    i was in {p}, you know, when the {t} arrived.
    as soon as {w} arrived, the {t} was {q}.
    there were {n} {t}s in {p}, {n} in {p}, and none at home.
    he looked at the {t}, smiled, and said nothing.
    no, i don't think so.
    oh no, not again.
    of course, you can {d} it {c}.
    to be honest, i don't like the {t}.
    it was late, so we went home.
    she opened the door, but nobody was there.
    what do you want, tea or coffee?
    are you going to {p}? yes, {c}. when do you leave?
    how much is it? {n} dollars, i think.
    do you like it? i do, but it's {q}.
    instead of {p}, we went to {p}, which was {q}.
    unless you {d} the {t}, nothing will happen.
    in the end, {w} had to {s}.
    thanks for the {t}, it was {q}.
    """
)
EN_TEMPLATES = (_EN_QUESTIONS, _EN_STATEMENTS, _EN_LINKED)

JOINTS = {
    "zh": [
        ("如果", "就", "", "。"), ("因为", "所以", "", "。"), ("虽然", "但是", "", "。"), ("", "然后", "", "。"), ("", "而且", "", "。"),
        ("", "不过", "", "。"), ("", "可是", "", "。"), ("", "另外", "", "。"), ("", "还有", "", "。"), ("", "", "", "。"), ("", "", "对吗", "？"),
        ("", "", "好吗", "？"), ("", "", "谢谢", "。"), ("要是", "那么", "", "。"), ("", "", "可以吗", "？"), ("", "所以", "", "。"),
        ("", "同时", "", "。"), ("既然", "那就", "", "。"), ("", "或者", "", "。"), ("", "否则", "", "。"), ("", "", "是不是", "？"),
    ],
    "en": [
        ("if", "", "", "。"), ("", "but", "", "。"), ("", "and", "", "。"), ("because", "", "", "。"), ("", "so", "", "。"), ("when", "", "", "。"),
        ("although", "", "", "。"), ("", "and then", "", "。"), ("", "or", "", "。"), ("", "however", "", "。"), ("", "", "thank you", "。"),
        ("", "", "okay", "？"), ("", "", "right", "？"), ("since", "", "", "。"), ("", "and also", "", "。"), ("", "while", "", "。"),
    ],
}  # fmt: skip
"""What stands before two clauses, between them (behind a comma), and behind them (the same), and the last mark."""
