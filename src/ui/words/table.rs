//! What is said the same way every time, English and Chinese side by side.

use crate::view::Locale;

/// Makes the struct and one table per language, so that none can lack a string.
macro_rules! words {
    ($($name:ident: $en:literal, $zh:literal;)*) => {
        /// The strings of one language.
        pub struct Words {
            /// Which language.
            pub locale: Locale,
            $(#[allow(missing_docs)] pub $name: &'static str,)*
        }
        /// English.
        pub const EN: Words = Words { locale: Locale::En, $($name: $en,)* };
        /// Chinese.
        pub const ZH: Words = Words { locale: Locale::Zh, $($name: $zh,)* };
    };
}

words! {
    // The page as a whole
    title: "Kubarium, a simulated Kubernetes cluster", "Kubarium：模拟的 Kubernetes 集群";
    skip_to_terminal: "Skip to the terminal", "跳到终端";
    beside: "Beside the picture", "图旁面板";
    below: "Below the picture", "图下面板";
    panels: "Panels", "面板";
    more: "More", "更多";
    close: "Close", "关闭";
    resize: "Resize", "调整大小";
    to_dark: "Dark theme", "深色主题";
    to_light: "Light theme", "浅色主题";
    lessons: "Lessons", "课程";
    cluster: "Cluster", "集群";
    lesson: "Lesson", "课程";
    object: "Details", "详情";
    terminal: "Terminal", "终端";
    packets: "Packets", "数据包";
    events: "Events", "事件";
    scheduler: "Scheduler", "调度器";
    objects: "Objects", "对象";
    // The palette
    palette: "Find or do anything", "查找或执行";
    palette_says: "pod, lesson, panel, action", "Pod、课程、面板、操作";
    page: "Page", "页面";
    theme: "Light or dark theme", "切换深浅主题";
    keys_say: "These keys", "这些按键";
    key_timeline: "On the timeline: a second or ten back and forth", "在时间线上：前后移动 1 秒或 10 秒";
    key_part: "To the next part of the page; with Shift, back", "跳到页面的下一部分；加 Shift 则返回";
    key_picture: "In the picture: from box to box", "在图中：从一个方框到另一个";
    key_filter: "In the objects: filter", "在对象面板中：筛选";
    key_rows: "From row to row, from hop to hop", "逐行或逐跳移动";
    key_yaml: "On a row: its YAML, its description", "在某一行上：查看 YAML、查看描述";
    key_apply: "In the editor: apply", "在编辑器中：应用";
    key_terminal: "In the terminal: complete, search the history, interrupt", "在终端中：补全、搜索历史、中断";
    // The clock
    clock: "Clock", "时钟";
    play: "Run", "运行";
    pause: "Pause", "暂停";
    step: "Next event", "下一个事件";
    to_start: "Back to the start", "回到起点";
    speed: "Speed", "速度";
    follow: "Slow down while messages travel", "消息传递时放慢";
    virtual_time: "Virtual time", "虚拟时间";
    timeline: "Timeline", "时间线";
    next: "Next", "接下来";
    step_back: "Back by one event", "后退一个事件";
    settle: "Until settled", "直到稳定";
    settle_says: "Runs as fast as it can until nobody writes anything but heartbeats for 20 s", "全速运行，直到 20 秒内除心跳外没有任何写入";
    stop: "Stop", "停止";
    not_settled: "The cluster did not settle within half an hour of virtual time.", "集群在半小时虚拟时间内没有稳定下来。";
    no_next_event: "Nothing happened to it within half an hour of virtual time.", "半小时虚拟时间内它没有发生任何事件。";
    last_event: "◂ Last event", "◂ 上一个事件";
    next_event: "Next event ▸", "下一个事件 ▸";
    go_there: "Go to this moment", "跳到这一时刻";
    // Branches
    branches: "Branches", "分支";
    branches_say: "What you do in the past begins a new branch. The others are kept as they were.", "在过去执行操作会开始一条新分支，其他分支保持原样。";
    first_run: "First run", "最初的运行";
    rename: "Rename", "重命名";
    forget: "Forget", "删除";
    new_name: "New name", "新名称";
    back_to_it: "Back to it", "回到该分支";
    // Two moments
    compare: "Compare", "比较";
    compare_hint: "Mark a moment. What differs between it and now is told here, and for a chosen object in its details.", "标记一个时刻，这里会显示它与现在之间的差异；选中某个对象时，其详情中也会显示。";
    compare_too_far: "That moment is too far away to be lived again at once.", "该时刻太远，无法立即重演。";
    compare_gone: "The branch of that moment was forgotten.", "该时刻所在的分支已被删除。";
    compared_with: "Compared with", "比较对象";
    mark_now: "Mark this moment", "标记此刻";
    mark_now_says: "Marks this moment, and shows what differs from it later", "标记此刻，并显示此后的差异";
    now: "now", "现在";
    unmark: "Clear the mark", "清除标记";
    no_difference: "Nothing differs but heartbeats.", "除心跳外没有差异。";
    added: "Added", "新增";
    removed: "Removed", "移除";
    changed: "Changed", "变更";
    replaced: "another one of that name", "同名的另一个对象";
    // A new cluster
    new_cluster: "New cluster", "新集群";
    new_cluster_say: "A cluster of another kind takes the place of this one. The link under Share leads back to this one.", "用另一种集群替换当前集群。“分享”中的链接可以回到当前集群。";
    form_nodes: "Nodes", "节点";
    form_masters: "Masters (0: hosted)", "控制面节点（0：托管）";
    form_backend: "Overlay: flannel's backend", "覆盖网络：flannel 后端";
    form_proxy: "Services: kube-proxy's mode", "Service：kube-proxy 模式";
    form_scheduler: "IPVS: how a pod is chosen", "IPVS：如何选择 Pod";
    form_policy: "Network policies are enforced", "强制执行网络策略";
    form_cloud: "A cloud gives load balancers", "由云提供负载均衡器";
    create_cluster: "Start this cluster", "启动此集群";
    // Sharing
    share: "Share", "分享";
    go_on: "Go on with a real cluster", "到真实集群上继续";
    go_on_says: "What you made, as manifests, and a kind configuration with as many nodes. kind needs a container engine on your machine.", "把你创建的一切存成清单，外加一份节点数相同的 kind 配置。kind 需要本机有容器引擎。";
    share_what: "What is shared", "分享什么";
    share_cluster: "The cluster, with what is shown", "集群及所显示的内容";
    share_lesson: "The lesson", "课程";
    share_packet: "The packet", "数据包";
    share_draft: "The lesson being written", "正在编写的课程";
    share_lesson_says: "This link holds the lesson. Whoever opens it begins it on a cluster of their own. Nothing is sent to a server.", "此链接包含整门课程，打开者会在自己的集群上从头开始。不会向任何服务器发送内容。";
    share_long: "That is longer than many programs let through. Save it as a file instead: the page opens it, and so does kubarium run --link FILE.", "链接过长，很多程序无法传递。请改存为文件：本页面可以打开它，kubarium run --link FILE 也可以。";
    share_no_qr: "Too long for a QR code.", "过长，无法生成二维码。";
    share_file: "Save as a file", "存为文件";
    open_file: "Open a file", "打开文件";
    open_file_says: "A file that was saved here, or a lesson. It can also be dropped anywhere on the page.", "在这里保存过的文件，或一份课程。也可以把文件拖放到页面上。";
    qr: "QR code of the link", "链接的二维码";
    embed_code: "Put it into a page or a slide", "嵌入网页或幻灯片";
    open_whole: "Open in Kubarium", "在 Kubarium 中打开";
    back_home: "Back to my own cluster", "回到我自己的集群";
    nothing_changed: "Nothing was changed.", "什么也没有改变。";
    share_says: "This link holds the scenario and every command so far. Whoever opens it sees this very cluster. Nothing is sent to a server.", "此链接包含场景和迄今的全部命令，打开者会看到完全相同的集群。数据不会发送到任何服务器。";
    link: "Link", "链接";
    digest: "Digest of the state:", "状态摘要：";
    copy: "Copy", "复制";
    copied: "Copied", "已复制";
    link_damaged: "That link or file is damaged, incomplete or not one of ours.", "该链接或文件已损坏、不完整或无法识别。";
    link_too_new: "That link or file was made by a later version of Kubarium.", "该链接或文件由更新版本的 Kubarium 生成。";
    link_too_big: "That link or file holds more than is allowed.", "该链接或文件包含的内容超出限制。";
    link_unknown: "That link holds what this version does not understand:", "该链接包含此版本无法理解的内容：";
    link_lesson: "That lesson cannot be begun:", "这门课程无法开始：";
    // Start and trouble
    booting: "Starting the cluster…", "正在启动集群……";
    replaying: "Replaying the link…", "正在重放链接……";
    seeking: "Going to that moment…", "正在跳转到该时刻……";
    broken: "The simulation stopped, because something that must hold did not.", "模拟已停止：某个必须成立的条件被破坏。";
    reproduce: "A link that reproduces it", "可重现此问题的链接";
    start_anew: "Start a fresh cluster", "启动全新集群";
    stale: "A newer version of this page is there.", "页面已有新版本。";
    reload: "Reload", "重新加载";
    // The picture
    control_plane: "Control plane", "控制平面";
    hosted: "hosted", "托管";
    legend: "What colours and shapes mean", "颜色与形状的含义";
    tone_good: "as wanted", "正常";
    tone_waiting: "on their way", "进行中";
    tone_bad: "failing", "失败";
    tone_done: "finished", "已完成";
    tone_leaving: "going away", "正在退出";
    plane_control: "control", "控制";
    plane_storage: "storage", "存储";
    plane_data: "packets", "数据包";
    plane_fault: "faults", "故障";
    first_thing: "The cluster runs and is empty. Press Apply in the YAML panel to give it something to do, and watch what is sent to whom.", "集群已在运行，但还没有工作负载。在 YAML 面板中点击“应用”，然后观察谁向谁发送了什么。";
    you: "you (kubectl)", "你（kubectl）";
    registry: "registry", "镜像仓库";
    outside: "outside", "外部网络";
    wire: "network between the nodes", "节点间网络";
    // Editor
    editor: "YAML editor", "YAML 编辑器";
    examples: "Examples", "示例";
    apply: "Apply", "应用";
    save_edit: "Save", "保存";
    cancel_edit: "Cancel", "取消";
    required: "required", "必填";
    edit_waits: "kubectl edit is waiting. Save sends what you changed to the API server; Cancel changes nothing. Your own manifest comes back afterwards.", "kubectl edit 正在等待。“保存”会把改动发送给 API 服务器，“取消”则不做任何改动。之后你自己的清单会恢复。";
    open_in_editor: "Open in the editor", "在编辑器中打开";
    // Terminal
    welcome: "A terminal of the simulated cluster: kubectl (k), etcdctl, node NAME COMMAND. Tab completes, Ctrl-R searches, help lists.", "模拟集群的终端：kubectl（k）、etcdctl、node 节点名 命令。Tab 补全，Ctrl-R 搜索历史，help 列出命令。";
    command_line: "Command line. Tab completes; Escape, then Tab leaves.", "命令行。Tab 补全；先按 Escape 再按 Tab 离开。";
    command_hint: "kubectl get pods", "kubectl get pods";
    run: "Run", "运行";
    // Details
    detail_hint: "Choose anything in the picture: a component, a node, a pod, a service.", "在图中选择任意对象：组件、节点、Pod 或 Service。";
    causes: "Why it is as it is", "为何如此";
    what_changed: "What changed", "变更记录";
    was_created: "Created", "创建";
    was_changed: "Changed", "修改";
    was_deleted: "Deleted", "删除";
    changed_before: "As far back as etcd remembers", "etcd 所保留的最早版本";
    nothing_remembered: "etcd remembers no change of it.", "etcd 未保留其变更记录。";
    related: "Related", "相关对象";
    recent: "What it did last", "最近的动作";
    owners: "Owned by", "属主";
    generations: "Generations", "版本代次";
    newest: "newest", "最新";
    outdated: "older template", "旧模板";
    volumes: "Volumes", "存储卷";
    read_only: "read only", "只读";
    unmounted: "no container mounts it", "没有容器挂载它";
    chart: "Metric and replicas over time", "指标与副本数的变化";
    figures: "Figures", "数值";
    target: "target", "目标";
    wanted: "wanted", "期望";
    replicas: "replicas", "副本";
    time: "Time", "时间";
    show_in_etcd: "Show in etcd", "在 etcd 中查看";
    gone: "deleted", "已删除";
    // Events
    why: "Why?", "为什么？";
    why_this: "What brought this about?", "这是怎么引起的？";
    why_sent: "Why was it sent?", "为何发送？";
    why_ended: "Why did it end here?", "为何止于此处？";
    why_node: "Why this node?", "为何是该节点？";
    why_no_node: "Why no node?", "为何没有节点？";
    why_hint: "Choose an event to see what brought it about, back to the command that started it all.", "选择一个事件，查看它的起因，一直追溯到最初的命令。";
    filter: "Filter", "筛选";
    forgotten: "What came before is no longer remembered.", "更早的原因已不再保留。";
    // etcd
    keys: "Keys", "键";
    value: "Value", "值";
    prefix: "Prefix", "前缀";
    revision: "Revision", "修订版本";
    watches: "Watches", "监听";
    leases: "Leases", "租约";
    members: "Members", "成员";
    etcd_hint: "Choose a key to see its value and its earlier revisions.", "选择一个键，查看它的值和历史修订版本。";
    // Scheduler
    queue: "Queue", "队列";
    decisions: "Decisions", "调度决策";
    queue_empty: "No pod waits for a node.", "没有等待调度的 Pod。";
    queue_active: "active: tried next", "active：即将尝试";
    queue_unschedulable: "unschedulable: until something helps", "unschedulable：等待情况变化";
    queue_gated: "kept out by its scheduling gates", "被调度门控阻挡";
    rejected_by: "rejected by", "拒绝它的插件：";
    all_pods: "All pods", "全部 Pod";
    no_decision: "The scheduler remembers no decision about this pod: it was bound without the scheduler, or the decision is forgotten.", "调度器没有关于此 Pod 的决策记录：它未经调度器绑定，或记录已被遗忘。";
    scheduler_hint: "Nothing has been scheduled yet.", "尚未进行任何调度。";
    points: "Extension points of the scheduling framework", "调度框架的扩展点";
    point_skipped: "nothing to say about this pod", "与此 Pod 无关，已跳过";
    not_reached: "not reached", "未到达";
    node: "Node", "节点";
    verdict: "Verdict", "结论";
    sum: "Sum", "总分";
    chosen: "chosen", "选中";
    only_one: "the only one that would do: not scored", "唯一可行的节点，无需打分";
    what_if: "What if…", "假如……";
    what_if_hint: "Write what would be different about the pod, in YAML; or about a node, with kind and name.", "用 YAML 写出 Pod 会有何不同；也可以写节点，需注明 kind 和名称。";
    what_if_try: "Try it on a copy", "在副本上试试";
    what_if_says: "Nothing of this has happened: it is one scheduling cycle on a copy of the cluster.", "这些都没有真正发生：只是在集群副本上做了一次调度。";
    score_reads: "A score reads: raw → normalised × weight = points.", "打分格式：原始分 → 归一化 × 权重 = 得分。";
    preemptible: "removing other pods could help", "驱逐其他 Pod 可能有帮助";
    hopeless: "Preemption found no node that could be made to do.", "抢占没有找到可以腾出空间的节点。";
    victims: "These pods must go:", "需要让位的 Pod：";
    // Objects
    kinds: "Kinds", "类型";
    find: "Filter (/)", "筛选 (/)";
    namespace: "Namespace", "命名空间";
    none_there: "There are none.", "没有对象。";
    // Faults
    faults: "Faults", "故障";
    faults_say: "Each is a command too (!fault), is kept in the log, and comes back with a link.", "每个故障也是一条命令（!fault），会写入日志，并随链接重现。";
    fault_node: "A node", "节点";
    fault_process: "A process", "进程";
    fault_network: "The network", "网络";
    switch_off: "Switch off", "断电";
    switch_on: "Switch on", "开机";
    cut_off: "Cut off", "隔离网络";
    crash: "Crash", "停止";
    start: "Start", "启动";
    lose: "Lose messages", "丢失消息";
    delay: "Delay messages", "延迟消息";
    heal: "Mend the network", "修复网络";
    broken_now: "Broken now:", "当前故障：";
    nothing_broken: "Nothing is broken.", "一切正常。";
    // Keeping
    restored: "The cluster is as you left it.", "已恢复到你离开时的集群。";
    start_afresh: "Start afresh", "重新开始";
    restoring: "Bringing the cluster back…", "正在恢复集群……";
    // The control plane
    ha_situations: "Situations", "情境";
    ha_situations_say: "Each runs the lines that you could type yourself.", "每个情境都是执行你自己也能输入的命令。";
    ha_servers: "API servers", "API 服务器";
    ha_no_balancer: "One API server, no load balancer: clients reach it directly.", "只有一个 API 服务器，没有负载均衡器，客户端直接访问它。";
    ha_balancer_down: "The load balancer is down: nobody but the masters' own processes reaches an API server.", "负载均衡器已停止：除了各主节点自己的进程，谁也连不上 API 服务器。";
    ha_up: "up", "可用";
    ha_down: "down", "不可用";
    ha_direct: "direct", "直连";
    ha_nobody: "no client is connected", "没有客户端连接";
    ha_elections: "Who leads by Lease", "谁凭 Lease 领导";
    ha_no_lease: "no Lease: started with --leader-elect=false", "没有 Lease：以 --leader-elect=false 启动";
    ha_holder: "holder", "持有者";
    ha_since: "since", "自";
    ha_renewed: "renewed", "续约于";
    ha_transitions: "transitions", "易主次数";
    ha_may_take: "others may take over now", "其他候选者现在可以接管";
    ha_leads: "leads", "领导";
    ha_stands_by: "stands by", "待命";
    ha_ended: "ended: lost its lease", "已结束：失去租约";
    ha_alone: "works alone", "独自工作";
    ha_takeovers: "Who took over, and when", "何时由谁接管";
    ha_members: "etcd's members", "etcd 成员";
    ha_log: "Log: a cell per entry, its number is the term", "日志：每格一个条目，数字是任期";
    ha_committed: "committed", "已提交";
    ha_applied: "applied", "已应用";
    ha_uncommitted: "not committed", "未提交";
    ha_term_begins: "a leader begins its term", "领导者开始任期";
    ha_leader: "leader", "领导者";
    ha_follower: "follower", "跟随者";
    ha_candidate: "candidate", "候选者";
    ha_pre_candidate: "pre-candidate", "预候选者";
    ha_learner: "learner", "学习者";
    ha_term: "term", "任期";
    ha_vote: "voted for", "投票给";
    ha_knows: "leader", "领导者";
    ha_none: "none", "无";
    ha_ballots: "Votes under way", "传递中的选票";
    ha_no_ballots: "No votes are under way.", "没有传递中的选票。";
    ha_lost: "lost", "丢失";
    ha_probe: "probe", "探测";
    ha_replicate: "replicate", "复制";
    ha_snapshot: "snapshot", "快照";
    ha_paused: "paused", "暂停";
    ha_silent: "not heard of", "未有回音";
    ha_runs: "up", "运行";
    ha_stopped: "down", "停止";
    ha_cut: "cut off", "被隔离";
    ha_leader_crash: "etcd's leader crashes", "etcd 领导者崩溃";
    ha_move_leader: "etcd's leader makes way", "etcd 领导者让位";
    ha_leader_cut: "etcd's leader is cut off", "etcd 领导者被隔离";
    ha_quorum_lost: "The majority is lost", "失去多数派";
    ha_slow_follower: "A follower is slow", "跟随者磁盘变慢";
    ha_scheduler_crash: "Two candidates: the scheduler crashes", "两个候选者：调度器崩溃";
    ha_split_vote: "A split vote", "选票瓜分";
    ha_mend: "Mend everything", "全部修复";
    // Packets
    from: "From", "从";
    to: "To", "到";
    what: "What", "内容";
    send: "Send", "发送";
    save_pcap: "Save as pcapng", "保存为 pcapng";
    packet_hint: "Send a packet from one pod to another, then follow it device by device.", "从一个 Pod 向另一个 Pod 发送数据包，然后逐个设备跟踪它。";
    way: "The packet's way", "数据包的路径";
    back: "Back", "后退";
    forward: "Forward", "前进";
    headers: "Headers and bytes", "报头与字节";
    udp_backend_note: "flannel's UDP backend is shown because every step is visible in it. It is meant for debugging; VXLAN is the usual one.", "这里展示 flannel 的 UDP 后端，因为每一步都清晰可见。它仅用于调试，实际通常使用 VXLAN。";
    // Lessons
    scenes: "Ready clusters", "现成的集群";
    scenes_say: "Something is running, and often something is wrong. Look, break, repair.", "里面跑着东西，往往还出着问题。看一看，弄坏它，修好它。";
    lessons_say: "Each lesson starts a cluster of its own and looks at its state, never at what you typed.", "每门课程都会启动自己的集群，只检查集群状态，不检查你输入了什么。";
    all_lessons: "All lessons", "全部课程";
    progress: "Progress", "进度";
    met: "done", "已完成";
    not_met: "your turn", "轮到你了";
    locked: "later", "稍后";
    hint: "Hint", "提示";
    solution: "Solution", "答案";
    quiz_first: "Predict first, then run.", "先预测，再执行。";
    quiz_right: "As you predicted.", "与你的预测一致。";
    quiz_wrong: "Not as you predicted: the one with the tick is what happened.", "与你的预测不同：打钩的才是实际发生的。";
    too_late: "The time for this step is over.", "这一步的时间已过。";
    begin_again: "Begin the step again", "重新开始这一步";
    save_progress: "Save progress to a file", "把进度存为文件";
    read_progress: "Read progress from a file", "从文件读取进度";
    progress_refused: "This file holds no progress of lessons. Nothing was changed.", "这个文件里没有课程进度。什么也没有改变。";
    part_pods: "Pods and what keeps them", "Pod 与维持它们的控制器";
    part_services: "Services", "Service";
    part_packets: "The way of a packet", "数据包之路";
    part_inside: "Memory and health", "记忆与健康";
    part_controllers: "More controllers", "更多控制器";
    not_ours: "This lesson is not one of Kubarium's. Somebody wrote it and shared it.", "这门课程不是 Kubarium 自带的，而是由他人编写并分享的。";
    // The workshop
    make_lesson: "Make a lesson", "编写课程";
    make_lesson_say: "From the cluster as it is now: write what to do, say what must be true, record how it is done.", "以当前集群为起点：写下要做什么，说明什么必须成立，并录制做法。";
    go_on_writing: "Go on writing", "继续编写";
    workshop: "Workshop", "课程工坊";
    lesson_text: "Text of the lesson", "课程文本";
    add_step: "+ Step", "+ 步骤";
    add_check: "+ Check", "+ 检查";
    add_hint: "+ Hint", "+ 提示";
    add_quiz: "+ Question", "+ 问题";
    record: "Record solution", "录制答案";
    stop_recording: "Stop recording", "停止录制";
    try_lesson: "Try it", "试做";
    share_lesson_short: "Share", "分享";
    save_lesson: "Save", "保存";
    open_lesson: "Open", "打开";
    rehearse: "Play it through", "完整演练";
    rehearsed_good: "Played through twice and replayed: every step is open before its solution and done after it.", "已完整演练两遍并重放：每一步在执行答案前未完成，执行后完成。";
    from_cluster: "From this cluster", "从当前集群新建";
    earlier_draft: "Earlier text", "之前的文本";
    close_workshop: "Close", "关闭";
    live_checks: "The checks, on the cluster as it is now", "各项检查（针对当前集群）";
    no_fault: "A lesson that can be begun.", "可以开始的课程。";
    holds: "true", "成立";
    holds_not: "not true", "不成立";
    no_checks: "no check yet", "尚无检查";
    lesson_done: "Lesson finished.", "课程已完成。";
    // Processes
    does_api: "The only door to etcd. Everybody asks it, everybody watches through it.", "通往 etcd 的唯一入口，所有组件都向它请求，通过它监听。";
    does_etcd: "Keeps the desired state: keys with revisions, and watches on them.", "保存期望状态：带修订版本的键，以及对键的监听。";
    does_scheduler: "Chooses a node for every pod that has none.", "为每个尚未分配节点的 Pod 选择节点。";
    does_manager: "Runs the controllers: each compares what is with what should be, and corrects it.", "运行各个控制器：不断比较实际状态与期望状态并加以纠正。";
    does_balancer: "Spreads clients over the API servers.", "把客户端请求分摊到多个 API 服务器。";
    does_kubelet: "Starts and stops the containers of the pods that are bound to its node, and reports how they are.", "启动和停止绑定到本节点的 Pod 的容器，并上报它们的状态。";
    does_proxy: "Turns Services into rules on its node.", "把 Service 变成本节点上的转发规则。";
    does_flanneld: "Knows which subnet lives on which node, and carries packets there.", "知道每个子网在哪个节点上，并把数据包送过去。";
    does_runtime: "Pulls images and runs containers.", "拉取镜像并运行容器。";
    does_client: "Everything that you do reaches the cluster from here, as a request to the API server.", "你的一切操作都从这里发出，作为对 API 服务器的请求。";
    does_node: "The node's kernel: devices, routes, neighbours, rules.", "节点内核：设备、路由、邻居表与规则。";
    does_registry: "Where images come from. Images here are small programs of the simulation.", "镜像的来源。这里的镜像是模拟器中的小程序。";
    does_outside: "Everything beyond the cluster's network.", "集群网络以外的一切。";
}
