"""Dates, times, durations, weekdays, seasons, alarms and timers."""

from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.templates import Subject, lines, phrases

_SLOTS = SLOTS | {
    "事": phrases(
        """
        起床, 开会, 吃药, 上班, 下班, 出发, 睡觉, 吃饭, 跑步, 上课, 接孩子, 交作业, 锻炼, 喝水, 休息, 洗澡, 做饭
        """
    ),
    "节": phrases("春节, 中秋节, 国庆节, 端午节, 元旦, 圣诞节, 清明节, 生日, 情人节, 劳动节, 儿童节, 除夕"),
    "thing": phrases(
        """
        wake up, go to work, take my medicine, call home, leave, go to bed, eat, run, study, drink water,
        take a break, cook dinner, take a shower, feed the dog, do my homework
        """
    ),
    "holiday": phrases("christmas, new year, my birthday, the spring festival"),
    "season": phrases("spring, summer, autumn, winter"),
}  # fmt: skip

TIME = Subject(
    {
        "zh": lines(
            """
            {日期}
            {时间}
            {日期} {时间}
            今天|明天|昨天|后天|前天 是|几号|星期几 {日期}|{星期}|
            现在|现在是|刚才|时间_是 {时间}
            现在 几点_了|几点_几分|是_几点
            {天} 是 {日期}
            {星期} {时间}
            {时长}
            还有|还要|需要|等|用_了|过_了|持续 {时长}
            {时长} 以后|之前|以前|之后|左右|以内
            离|距离 {节} 还有 {时长}
            {节} 是 哪天|几月几号|星期几|{日期}
            {节} 快乐
            从 {时间} 到 {时间}
            春天|夏天|秋天|冬天|上半年|下半年|年底|年初|月底|月初 |{日期}
            叫|提醒 我 {何时} {事}
            {何时} 提醒|叫 我|大家 {事}
            设置|定|设|新建|取消|删除 一个| {时间} 的 闹钟
            设置|定 一个| {时长} 的 倒计时|计时器
            {时长} 后 提醒|叫 我 {事}
            每天|每周|每月|每年|工作日 {时间} {事}
            {何时} 有 什么 安排|计划|日程
            我 {何时} 有空|没空|很忙|不在
            {人} 的 生日 是 {日期}
            他|她|我 今年 {几}岁
            早|晚 一点|{时长}
            """
        ),
        "en": lines(
            """
            {date}
            {time}
            {date} at {time}
            today|tomorrow|yesterday is|was {date}|{weekday}
            it's|it_is|the_time_is|now_it's {time}
            what time is_it|is_it_now|do_we_leave|do_you_get_up|does_it_start
            {weekday} at {time}
            {duration}
            in|for|after|within|about {duration}
            {duration} ago|later|left|from_now|before_{time}
            from {time} to|until {time}
            when is {holiday}
            happy {holiday}
            what day is it|{holiday} |today
            what_is|what's the date |today|{weekday}
            set an_alarm|a_reminder for|at {time} |{day}
            wake me up at {time}
            remind me to {thing} {when}
            remind me in {duration} to {thing}
            set a timer for {duration}
            cancel|stop|delete the|my alarm|timer|reminder
            i {thing} every day|morning|evening|night|{weekday}|week at|before|after {time}
            i'm|i_am busy|free|away|late|ready {when}
            {person} was born on|in {date}
            he|she is {small} years old
            this|next|last week|month|year|{season}|{weekday}
            it takes|took {duration}
            early|late in_the_morning|at_night|{season}
            the day before|after yesterday|tomorrow
            """
        ),
    },
    _SLOTS,
)
