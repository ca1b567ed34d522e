"""Sentences that mix several subjects, and sentences that mix Mandarin and English."""

from demo_recipe.text.subjects.media import MEDIA
from demo_recipe.text.subjects.places import CITIES_EN, CITIES_ZH
from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.templates import Subject, lines

MIXED = Subject(
    {
        "zh": lines(
            """
            {何时} 提醒 我 给 {人} 转账 {钱}
            从 {城市} 坐 高铁|飞机|火车 到 {城市} 要 {时长} 票价|大约 {钱}
            {何时} {城市} 下雨 会议 改_到 {时间}
            {人} {何时} 从 {城市} 来 电话 {号码}
            请 在 {日期} 之前 付款 {钱} 账号|编号 {数字}
            打开 空调 {小数}度 {时长} 后|以后 关闭
            {城市} 今天 {小数}度 明天 {小数}度
            第{小数}次 会议 {何时} 在 {城市} 举行
            你好 我 要 订 {日期} 去 {城市} 的 票 {几}张
            快递 {何时} 到 取件码|验证码 {数字}
            会议 号 {数字} 密码 {数字}
            {人} 今年 {几}岁 住 在 {城市} 手机 {号码}
            航班 {数字} {时间} 到达 {城市}
            股票 {数字} 今天 上涨|下跌 {百分} 收盘价 {钱}
            距离 {城市} {数}公里 开车|坐车 {时长}
            """
        ),
        "en": lines(
            """
            remind me {when} to pay {person} {money}
            the train|flight|bus from {city} to {city} takes {duration} and costs {money}
            it is raining in {city} so the meeting moved to {time}
            {person} comes|arrives from {city} {when} phone {phone}
            please pay {money} by {date} account|order number {digits}
            turn on the heater and set it to {small} degrees for {duration}
            {city} {small} degrees today and {small} degrees tomorrow
            the {ordinal} meeting is in {city} {when}
            i need {small} tickets to {city} {when}
            your order arrives {when} the code is {digits}
            meeting number {digits} password {digits}
            {name} is {small} years old lives in {city} and works in {city}
            flight {digits} arrives in {city} at {time}
            the stock rose|fell {percent} to {money}
            {city} is {number} kilometers|miles away about {duration} by car|train
            hello this is {name} call me back at {phone} {when}
            """
        ),
        "mix": lines(
            """
            打开|关闭|连接|重启 wifi|bluetooth|{app}
            打开|关掉 TV|camera|computer
            发|写|收 一个| email 给 {name}|{人}
            给 {name} 打电话|发短信|发_email
            {name} {何时} 在 office|meeting|{city} 吗|
            我 的 email|wifi 密码 是 {数字}|{digits}
            今天|明天 的 meeting|party {时间} 开始
            取消|安排|参加 {何时} 的 meeting|call|party
            播放 {style} music|video|radio
            okay 没问题|好的|谢谢|再见
            hello|hi 你好 我_是 {name}
            thank_you|thanks 再见|谢谢|辛苦了
            sorry 我_迟到_了|听不懂|我_不知道
            bye|bye_bye 明天_见|再见
            {name} 你好|早上好|谢谢_你|生日快乐 |happy_birthday
            我 会 说 english|chinese|一点_english
            hello|computer|apples|water|friend 用_中文|中文 怎么 说
            {天} {city} 天气 怎么样
            飞往|去 {city} 的 航班 {时间} 起飞
            我 在 {city} 等|见 {name}|你
            这个 project|report|plan|offer {何时} 完成|开始|提交
            我们 的 team|boss|customer 在 {city}|{城市}
            请 把 report|plan|document|file 发给 {name}|我
            价格 是 {number} dollars|euros|pounds
            check 一下 email|schedule|calendar
            在 hotel|school|bank 门口 见|等_我
            我 要 一杯 coffee|tea|juice|beer
            来 一份 pizza|salad
            happy new_year|birthday 新年快乐|生日快乐|大家_好
            good|nice 太好了|真棒|很好
            goodbye|good_morning|good_night {人}
            call {人}|{城市} |now|please
            what is the weather in {城市} |today
            please 打开|关闭 the window|door|light
            number|room|flight {数字}
            {数字} okay
            """
        ),
    },
    SLOTS | {"城市": CITIES_ZH, "city": CITIES_EN, "app": MEDIA.slots["app"], "style": MEDIA.slots["style"]},
)
