"""Greetings, small talk, feelings, family, health, school and everyday questions."""

from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.templates import Subject, lines, phrases

_SLOTS = SLOTS | {
    "爱好": phrases("唱歌, 跳舞, 游泳, 跑步, 爬山, 画画, 看书, 旅游, 打篮球, 踢足球, 下棋, 滑雪, 做饭"),
    "动物": phrases("猫, 狗, 鸟, 马, 牛, 羊, 老虎, 大象, 熊猫, 猴子, 鸡, 鸭, 猪, 鱼"),
    "职业": phrases("老师, 医生, 护士, 司机, 学生, 警察, 工程师, 律师, 厨师, 演员, 记者, 工人, 农民, 程序员"),
    "hobby": phrases(
        """
        singing, dancing, swimming, running, reading, basketball, football, cooking
        """
    ),
    "animal": phrases("cat, dog, bird, horse, cow, tiger, elephant, panda, monkey"),
    "job": phrases("a teacher, a doctor, a student, an engineer"),
    "mood": phrases("happy, sad, tired, hungry, thirsty, angry, sick, fine, okay, great"),
    "body": phrases("head, back, stomach, arm, hand, foot, eye"),
}  # fmt: skip

TALK = Subject(
    {
        "zh": lines(
            """
            你好|您好|大家好|早上好|上午好|下午好|晚上好|晚安|再见|谢谢|谢谢你|多谢|早安|拜拜
            你好 我 是|叫 {人}|小明
            对不起|不好意思|抱歉|没关系|不客气|别客气|没事|不用谢|没问题|打扰了|辛苦了|太好了|真棒|加油|恭喜
            请问|请进|请坐|请喝茶|请跟我来|请安静|请等一下|请再说一遍|请慢一点|请说中文
            很高兴|真高兴 认识|见到 你|您
            好久不见 最近 怎么样|忙_吗|好_吗
            你 叫|姓 什么 |名字
            你 是 谁|哪里人|哪国人|做_什么_的
            你 多大_了|几岁_了|结婚_了_吗|有_孩子_吗|吃饭_了_吗|在_干什么|在_哪里|怎么_了|还_好_吗
            我 很|不|非常|有点|真 好|忙|累|饿|渴|困|高兴|开心|难过|生气|紧张|害怕|无聊|舒服
            我|他|她|{人} 喜欢|爱|会|不会|想 {爱好}
            我|我们|他们|你们|大家 一起 去 {爱好} 吧|吗|
            我|{人} 是 {职业}
            我 家 有 {几}口人|{几}只_{动物}
            我 养 了 一只|两只 {动物}
            这 是 我 的|们_的 {人}|家|朋友|礼物|名片
            我 爱 你|妈妈|中国|我的家
            我 想 你|家|回家|睡觉|休息|哭|笑
            我 头|肚子|牙|腿|眼睛|耳朵|手|脚|背 疼|很痛|不舒服
            我 感冒|发烧|咳嗽|生病|受伤 了
            吃药|打针|看医生|多喝水|好好休息
            救命|快_来_人|帮帮我|小心|注意_安全|快_跑|别_动|危险
            你 会|能 说 中文|英语|法语|日语 吗
            我 听不懂|听不清|不知道|不明白|知道了|明白了|忘记了|记住了|想起来了
            这个|那个 字|词|句子 怎么 读|写|说
            这|那 是 什么|谁的|哪里|为什么
            为什么|怎么办|什么时候|多少|哪一个|谁|真的吗|对吗|是吗|可以吗|行不行
            祝 你|您|大家 生日快乐|新年快乐|身体健康|万事如意|一路平安|好运|周末愉快|工作顺利
            真|太|多么 漂亮|可爱|聪明|有意思|好吃|厉害|难|简单|重要 了|啊|
            我们 走|开始|休息|回家|吃饭 吧
            明天|下次|一会儿|晚上|周末 见
            学习|复习|练习|上 语文|数学|英语|历史|科学|音乐|体育 课|
            考试|作业|成绩 怎么样|做_完_了|{小数}分
            因为|所以|但是|如果|虽然|而且|或者 下雨|很忙|太晚|没_时间|喜欢
            哥哥|姐姐|弟弟|妹妹|爷爷|奶奶 比 我 大|小|高|矮|胖|瘦 {几}岁|一点|
            """
        ),
        "en": lines(
            """
            hello|hi|hey|goodbye|bye|thanks|welcome|sorry|please|okay|sure|maybe|yes|no|great
            good morning|afternoon|evening|night |everyone|{name}
            thank you |very_much|so_much|for_your_help
            you're|you_are welcome|right|wrong|late|early|kind|beautiful
            hello my name is {name}
            nice|glad to meet|see you
            how are you |today|doing
            how old are you
            what's|what_is your|his|her name|job|favorite_color|favorite_food
            i'm|i_am|he_is|she_is|we_are|they_are {mood}
            i'm|i_am sorry |about_that|i_am_late
            excuse me
            no problem|thanks|idea|way
            i like|love|enjoy|hate {hobby}
            he|she|{name} likes|loves {hobby}
            do you like {hobby}
            i|we don't_know|understand|see|agree|remember|think_so|hope_so
            {person} is {job}|{mood}
            i have a|two|three {animal}
            the|a big|small|little|old|white|black {animal}
            the {animal} is {mood}
            this|that is my {animal}|house|family|friend|car|book
            my {body} hurts
            i have a cold|question|problem
            help|be_careful|watch_out|call_the_police|hurry_up|don't_move
            do you speak english|chinese|french|russian
            how do you say|spell that|this|it in english|chinese
            what does this|that word mean
            what|who|where|when|why|how is|are this|that|it
            see you later|soon|tomorrow|next_week|then
            have a nice|good|great day|weekend|evening|time|holiday
            good luck
            happy birthday |to_you|{name}
            let's go|start|begin|take_a_break|eat|play|learn
            he|she can't|doesn't|won't come|sleep|walk|swim|sing|work
            i can|can't|will|must|should wait|help|stay|leave|learn|try |{day}
            because|but|if|so i|we|they am_busy|like_it|have_no_time|can_swim|want_to
            {name} is taller|older|bigger|faster than {name}
            this is easy|hard|interesting|important
            we study|learn|teach math|history|music|english|chinese
            the test|homework|class was|is easy|hard|finished|{when}
            did you sleep|eat|have_fun |well|{day}
            where are you from|going|now
            i_was|we_were in|at school|home|work|the_office yesterday|before|again|always|never
            she|he has a red|blue|green|yellow shirt|coat|car|umbrella
            are you okay|ready|sure
            """
        ),
    },
    _SLOTS,
)
