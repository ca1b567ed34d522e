"""Numbers of any size, digit strings, phone numbers, percent, fractions and simple sums."""

from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.templates import Subject, lines

DIGITS = Subject(
    {
        "zh": lines(
            """
            {数字}
            {号码}
            我的|你的|他的|她的| 电话|手机|电话号码|手机号码|号码 是 {号码}
            {人} 的 电话|手机号|号码 是 {号码}
            验证码|密码|房间号|订单号|编号|身份证号|车牌号|邮编|学号 是 {数字}
            请 记|记录|输入|核对 一下| 号码|密码|编号 {数字}
            拨打|请拨 {号码}
            {数字} 分机 {数字}
            """
        ),
        "en": lines(
            """
            {digits}
            {phone}
            my|your|his|her phone_number|number is {phone}
            the code|password|room_number|order_number|ticket_number is {digits}
            please call|write_down|enter {phone}
            extension {digits}
            flight|bus|room|gate|line|page|chapter|number {digits}
            """
        ),
    },
    SLOTS,
)

NUMBERS = Subject(
    {
        "zh": lines(
            """
            {数}
            {数}
            {分数}
            {百分}
            第{小数} 名|个|次|章|页|排|位|层|届|期|集|
            {小数}分之{小数}
            {数} 个|人|米|公里|公斤|克|吨|升|平方米|度|名_学生|辆_车|台|本_书|张_票
            一共|大约|大概|至少|超过|不到|差不多|将近 {数} 个|人|公里|米|吨|
            增长|下降|上升|减少|提高|降低 了 {百分}
            {小数} 比 {小数}
            {几}倍
            零下 {小数}度
            人口|面积|长度|重量|高度|速度|距离|总数 是 {数}
            编号|序号|代码 {数字}
            """
        ),
        "en": lines(
            """
            {number}
            {number}
            {decimal}
            {percent}
            the {ordinal}
            {small} people|meters|kilometers|kilograms|miles|cars|books|tickets
            about|over|under|around|at_least {number} people|kilometers|meters|
            up|down by|to {percent}
            it rose|fell by {percent}
            one third|quarter|half|fifth
            two|three thirds|quarters
            {small} times {small}
            the weight|height|speed|distance|total is {number}
            more|less than {number}
            """
        ),
    },
    SLOTS,
)

SUMS = Subject(
    {
        "zh": lines(
            """
            {数} 加|减|乘以|乘|除以 {小数} 等于 {数}
            {小数} 加|减|乘以|除以 {小数} 等于 多少|几
            {小数} 加上|减去 {小数} 是 多少|{小数}
            计算 {小数} 加|减|乘|除以 {小数}
            {小数} 的 平方|一半|两倍|平方根 是 多少|{小数}
            {小数} 和 {小数} 的 和|差|积|平均数 是 多少
            """
        ),
        "en": lines(
            """
            {small} plus|minus|times {small} equals|is {number}
            {small} divided_by {small} equals|is {small}
            what|how_much is {small} plus|minus|times|divided_by {small}
            calculate {small} plus|minus|times {small}
            add {small} and {small}
            {small} squared is {number}
            """
        ),
    },
    SLOTS,
)
