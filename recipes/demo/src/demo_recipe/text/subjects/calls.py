"""Calls, messages, meetings and the office."""

from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.templates import Subject, lines, phrases

_SLOTS = SLOTS | {
    "议题": phrases("项目, 预算, 合同, 产品, 设计, 销售, 市场, 招聘, 培训, 计划, 方案, 质量, 安全, 进度, 报告, 报价"),
    "短信": phrases(
        """
        我到了, 我在路上, 晚点到, 生日快乐, 收到, 辛苦了, 我马上来, 你在哪里, 什么时候回来, 路上小心, 等我一下,
        我们出发了, 记得吃饭, 我会晚一点, 一切顺利
        """
    ),
    "topic": phrases(
        """
        project, contract, product, design, sales, training, plan, schedule, report, offer, customer, team,
        problem, question
        """
    ),
    "text": phrases(
        """
        i am here, i'm on my way, i will be late, happy birthday, see you soon, where are you, call me back,
        thank you, wait for me, i love you, have dinner without me, let's go
        """
    ),
}  # fmt: skip

CALLS = Subject(
    {
        "zh": lines(
            """
            打电话|发短信|发消息|发邮件|视频通话 给 {人}
            给 {人} 打电话|发短信|打个电话|发消息|回电话|写邮件
            呼叫|联系|通知|转接 {人}
            告诉|转告 {人} {短信}
            喂 你好|您好 请问 {人} 在_吗|在_不_在
            我 是|找 {人}
            请 稍等|等一下 我 帮您 转接|查询
            他|她 不在|正在_开会|出去_了|休假|请假 请 {何时} 再 打
            有 {几}个 未接来电|新消息|新邮件|会议
            挂断|接听|拒接|重拨|录音 |电话
            电话 占线|没人接|打不通|信号_不好
            {何时} 开会|有_会议|见面|面试|出差|开始
            {何时} 和|跟 {人} 开会|见面|吃饭|讨论_{议题}
            会议 在|改_到|推迟_到|提前_到|安排_在 {何时}
            会议 开始|结束|取消 了
            会议室 在 {小数} 楼|层 {数字}|
            参加|预订|取消|安排|主持 会议|视频会议|会议室
            今天 会议 的 主题|内容 是 {议题}
            我们 讨论|看|说|研究 一下 {议题} 的 问题|情况|{议题}
            首先|然后|最后|其次|另外 请 {人} 介绍|汇报|发言|说明 |{议题}
            下面|接下来 由 {人} 发言|介绍 |{议题}
            大家 有_什么|还有_什么|有_没有 问题|意见|建议
            我 同意|反对|支持|不同意|没有意见 |这个_{议题}
            请 把 {议题} 发给 我|{人}|大家
            {议题} 已经|还没|快要 完成|通过|结束 了|
            请 大家 安静|打开_摄像头|关闭_麦克风|准时_参加|看_屏幕
            能|可以 听见|听到|看到 吗|我_说话_吗
            你 的 声音|网络|画面 断断续续|太小|不清楚|很清楚
            今天 的 会 就 到 这里 谢谢 大家
            请 在 {何时} 之前 提交|完成|发送 {议题}
            邮件|文件|快递 收到|发送|寄出 了|了_吗
            """
        ),
        "en": lines(
            """
            call|phone|text|message|email {person}
            call {phone}
            send a_message|an_email|a_text to {person}
            tell|ask {person} {text}
            text {person} {text}
            hello |good_morning may|can i speak|talk to {person}
            this is {name} speaking
            who_is|who's calling|speaking|there
            hold on|the_line |please
            {person} is|isn't here|busy|on_holiday|in_a_meeting |{day}
            please call back|again {when}
            you have {small} new_messages|new_emails
            answer|end the|this call
            leave a message
            read|check my messages|email|calendar
            i have|we_have a meeting|call|lunch with {person} {when}
            the meeting is|starts|was_moved|begins {when}
            the meeting is over|in_room_{small}|about_the_{topic}
            book|join|cancel|move|start the|a meeting|call |{when}
            let's talk|think about the {topic}
            let's|we_need_to|we_should discuss|finish|check|review|start the {topic}
            first|then|finally|now {person} will explain the {topic}
            any questions|ideas |about_the_{topic}
            i agree|understand|don't_agree |with_the_{topic}
            please send|show|give me the {topic} by {weekday}|{time}
            the {topic} is ready|finished|done|late|important|not_ready
            can you hear|see me|my_screen |now
            please mute|turn_on your microphone|camera
            your voice is too_quiet|very_clear
            could you repeat|say that again |please
            that's all for today |thank_you_everyone
            who wants to begin|speak|start
            what do you think about the {topic}
            good point|idea|job|work
            i_will|i'll call|email|write|tell you later|{when}|back
            """
        ),
    },
    _SLOTS,
)
