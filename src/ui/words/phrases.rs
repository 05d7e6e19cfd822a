//! What is said with arguments: places, happenings, waiting, outcomes.

use super::{Words, say};
use crate::session::protocol::Difference;
use crate::view::{BranchName, BranchView, ComponentKind, Happening, Outcome, Place, Tone, WaitFor};

impl Words {
    /// What a branch is called.
    pub fn branch_name(&self, name: &BranchName) -> String {
        match name {
            BranchName::First => self.first_run.to_string(),
            BranchName::Action(name) | BranchName::Given(name) => name.clone(),
        }
    }

    /// Where a branch begins and ends.
    pub fn branch_facts(&self, branch: &BranchView) -> String {
        let (end, actions) = (branch.end, branch.actions);
        let forked = branch.forked.map(|at| say!(self, "leaves this one at {at}, ", "于 {at} 与当前分支分开，"));
        let forked = forked.unwrap_or_else(|| say!(self, "this one, ", "当前分支，"));
        let done = if actions == 1 { "action" } else { "actions" };
        say!(self, "{forked}{actions} {done}, up to {end}", "{forked}{actions} 个操作，到 {end}")
    }

    /// Something was done in the past.
    pub fn future_kept(&self, name: &BranchName) -> String {
        let name = self.branch_name(name);
        say!(
            self,
            "You acted in the past. What came after is kept as branch “{name}”.",
            "你在过去执行了操作。原来的未来已保留为分支“{name}”。"
        )
    }

    /// There are too many branches.
    pub fn branch_dropped(&self, name: &BranchName) -> String {
        let name = self.branch_name(name);
        say!(self, "Branch “{name}” had to go: 16 are kept at most.", "分支“{name}”已被移除：最多保留 16 条。")
    }

    /// The way to the next lesson.
    pub fn next_lesson(&self, title: &str) -> String {
        say!(self, "Next: {title}", "下一课：{title}")
    }

    /// The end of a branch as one of two moments.
    pub fn end_of(&self, name: &BranchName) -> String {
        let name = self.branch_name(name);
        say!(self, "end of {name}", "{name} 的终点")
    }

    /// What differs from a marked moment.
    pub fn since(&self, at: &str) -> String {
        say!(self, "Since {at}", "自 {at} 以来")
    }

    /// The pods of a node, by how they fare.
    pub fn pods_of(&self, name: &str, tally: &[(Tone, usize)]) -> String {
        let all: usize = tally.iter().map(|(_, count)| count).sum();
        let each = tally.iter().map(|(tone, count)| format!("{count} {}", self.tone(*tone)));
        let each = each.collect::<Vec<_>>().join(say!(self, ", ", "，").as_str());
        say!(
            self,
            "{name}: {all} pods: {each}. Arrow keys go from pod to pod.",
            "{name}：{all} 个 Pod：{each}。用方向键逐个移动。"
        )
    }

    /// How a thing fares.
    pub fn tone(&self, tone: Tone) -> &'static str {
        match tone {
            Tone::Good => self.tone_good,
            Tone::Waiting => self.tone_waiting,
            Tone::Bad => self.tone_bad,
            Tone::Done => self.tone_done,
            Tone::Leaving => self.tone_leaving,
        }
    }

    /// The pods of a node's control plane.
    pub fn control_pods(&self, count: usize) -> String {
        say!(self, "control plane: {count} pods", "控制平面：{count} 个 Pod")
    }

    /// The same where there is little room.
    pub fn control_pods_short(&self, count: usize) -> String {
        say!(self, "control: {count}", "控制面：{count}")
    }

    /// Many pods without a node.
    pub fn waiting_pods(&self, count: usize) -> String {
        say!(self, "no node yet: {count}", "未调度：{count}")
    }

    /// The picture in a sentence: nodes, ready ones, pods, those that fare well.
    pub fn cluster_in_words(&self, (nodes, ready, pods, good): (usize, usize, usize, usize)) -> String {
        say!(
            self,
            "{nodes} nodes, {ready} of them ready; {pods} pods, {good} of them as wanted.",
            "{nodes} 个节点，其中 {ready} 个就绪；{pods} 个 Pod，其中 {good} 个正常。"
        )
    }

    /// How many are not listed.
    pub fn and_more(&self, more: u32) -> String {
        say!(self, "and {more} more", "还有 {more} 个")
    }

    /// How many commands a step took, and how few would do.
    pub fn golf(&self, strokes: u16, par: u16) -> String {
        let commands = if strokes == 1 { "command" } else { "commands" };
        say!(self, "{strokes} {commands}, fewest {par}", "{strokes} 条命令，最少 {par} 条")
    }

    /// How long a link is.
    pub fn link_length(&self, characters: usize) -> String {
        say!(self, "{characters} characters", "{characters} 个字符")
    }

    /// For which step is recorded.
    pub fn records(&self, step: u16) -> String {
        let step = step + 1;
        say!(
            self,
            "What you type in the terminal now becomes the solution of step {step}.",
            "现在在终端输入的命令会成为第 {step} 步的答案。"
        )
    }

    /// A link comes from another release, and came out otherwise.
    pub fn differs(&self, release: &str) -> String {
        say!(
            self,
            "This link was made by Kubarium {release}. The same commands came out otherwise here:",
            "此链接由 Kubarium {release} 生成，相同的命令在这里得到了不同的结果："
        )
    }

    /// What is otherwise of a kind.
    pub fn difference(&self, of: &Difference) -> String {
        let Difference { plural, there, here } = of;
        if there == here {
            return say!(self, "{plural}: {here}, with other names or states", "{plural}：{here} 个，名称或状态不同");
        }
        say!(self, "{plural}: {there} there, {here} here", "{plural}：原有 {there} 个，这里有 {here} 个")
    }

    /// A place by its full name: `kubelet on worker1`.
    pub fn place(&self, place: &Place) -> String {
        match place {
            Place::Client => self.you.to_string(),
            Place::Component { kind, host: Some(host) } => {
                let name = kind.name();
                say!(self, "{name} on {host}", "{host} 上的 {name}")
            }
            Place::Component { kind, host: None } => kind.name().to_string(),
            Place::Node(name) => name.clone(),
            Place::Pod { namespace, name } => format!("{namespace}/{name}"),
            Place::Registry => self.registry.to_string(),
            Place::Outside => self.outside.to_string(),
        }
    }

    /// A place as its own box names it.
    pub fn short_place(&self, place: &Place, brief: bool) -> String {
        match place {
            Place::Component { kind: ComponentKind::Scheduler, .. } if brief => "scheduler".into(),
            Place::Component { kind: ComponentKind::ControllerManager, .. } if brief => "controllers".into(),
            Place::Component { kind: ComponentKind::ApiServer, .. } if brief => "apiserver".into(),
            Place::Component { kind, .. } => kind.name().to_string(),
            other => self.place(other),
        }
    }

    /// What a place is for.
    pub fn place_does(&self, place: &Place) -> &'static str {
        match place {
            Place::Client => self.does_client,
            Place::Component { kind, .. } => self.component_does(*kind),
            Place::Node(_) | Place::Pod { .. } => self.does_node,
            Place::Registry => self.does_registry,
            Place::Outside => self.does_outside,
        }
    }

    fn component_does(&self, kind: ComponentKind) -> &'static str {
        match kind {
            ComponentKind::ApiServer => self.does_api,
            ComponentKind::Etcd => self.does_etcd,
            ComponentKind::Scheduler => self.does_scheduler,
            ComponentKind::ControllerManager => self.does_manager,
            ComponentKind::LoadBalancer => self.does_balancer,
            ComponentKind::Kubelet => self.does_kubelet,
            ComponentKind::KubeProxy => self.does_proxy,
            ComponentKind::Flanneld => self.does_flanneld,
            ComponentKind::Runtime => self.does_runtime,
        }
    }

    /// What happened. Requests and upstream's own messages stay as they are.
    pub fn happening(&self, what: &Happening) -> String {
        match what {
            Happening::Command(line) => format!("$ {line}"),
            Happening::Applied(1) => say!(self, "applied a manifest", "应用了一份清单"),
            Happening::Applied(n) => say!(self, "applied {n} manifests", "应用了 {n} 份清单"),
            Happening::Booted => say!(self, "the cluster started", "集群启动"),
            Happening::Fault(words) => say!(self, "fault: {words}", "故障：{words}"),
            Happening::Request { method, path } => format!("{method} {path}"),
            Happening::Response { code, method, path } if method.is_empty() => format!("{code} ← {path}"),
            Happening::Response { code, method, path } => format!("{code} ← {method} {path}"),
            Happening::Put { key, revision: 0 } => say!(self, "writes {key}", "写 {key}"),
            Happening::Put { key, revision } => {
                say!(self, "wrote {key} at revision {revision}", "写入 {key}，修订版本 {revision}")
            }
            Happening::Told { key, revision } => {
                say!(self, "tells a watch of {key} at revision {revision}", "向监听者通知 {key}，修订版本 {revision}")
            }
            Happening::Removed { key, revision: 0 } => say!(self, "deletes {key}", "删 {key}"),
            Happening::Removed { key, revision } => {
                say!(self, "deleted {key} at revision {revision}", "删除 {key}，修订版本 {revision}")
            }
            Happening::Read { key } => say!(self, "read {key}", "读取 {key}"),
            Happening::Heartbeat(node) => say!(self, "{node} reports that it is alive", "{node} 上报心跳"),
            Happening::LeaseRenewed { name, holder } => {
                say!(self, "{holder} renewed the lease {name}", "{holder} 续租 {name}")
            }
            Happening::Recorded { reason, message } => format!("{reason}: {message}"),
            Happening::Subnet { subnet, via } => {
                say!(self, "learned that {subnet} is at {via}", "得知 {subnet} 位于 {via}")
            }
            Happening::PacketSent(info) => say!(self, "sent {info}", "发出 {info}"),
            Happening::PacketArrived(info) => say!(self, "received {info}", "收到 {info}"),
            Happening::PacketDropped(info) => say!(self, "dropped {info}", "丢弃 {info}"),
            Happening::Woke(wait) => self.wait_for(wait),
            Happening::Other(text) => text.clone(),
            Happening::MessageLost { from, to } => {
                let (from, to) = (self.place(from), self.place(to));
                say!(self, "a message from {from} to {to} was lost", "从 {from} 到 {to} 的消息丢失")
            }
            Happening::ProcessUp(place) => {
                let name = self.place(place);
                say!(self, "{name} started", "{name} 启动")
            }
            Happening::ProcessDown(place) => {
                let name = self.place(place);
                say!(self, "{name} stopped", "{name} 停止")
            }
            other => self.object_happening(other),
        }
    }

    /// What happened to an object.
    fn object_happening(&self, what: &Happening) -> String {
        match what {
            Happening::Created(object) => {
                let name = object.short();
                say!(self, "created {name}", "创建 {name}")
            }
            Happening::Updated(object) => {
                let name = object.short();
                say!(self, "changed {name}", "更新 {name}")
            }
            Happening::Deleted(object) => {
                let name = object.short();
                say!(self, "deleted {name}", "删除 {name}")
            }
            Happening::Watched { event, object } => {
                let name = object.short();
                say!(self, "saw {event} {name}", "监听到 {event} {name}")
            }
            Happening::Reconciled { controller, object } => {
                let name = object.short();
                say!(self, "{controller} reconciled {name}", "{controller} 调谐 {name}")
            }
            Happening::ProxyRules(object) => {
                let name = object.short();
                say!(self, "wrote the rules of {name}", "写入 {name} 的转发规则")
            }
            other => self.pod_happening(other),
        }
    }

    /// What happened to a pod or an image.
    fn pod_happening(&self, what: &Happening) -> String {
        match what {
            Happening::Bound { pod, node } => {
                let name = &pod.name;
                say!(self, "bound {name} to {node}", "将 {name} 绑定到 {node}")
            }
            Happening::Unschedulable { pod, message } => {
                let name = &pod.name;
                say!(self, "found no node for {name}: {message}", "{name} 无可用节点：{message}")
            }
            Happening::SandboxCreated { pod, ip } => {
                let name = &pod.name;
                say!(self, "made the sandbox of {name} with {ip}", "创建 {name} 的沙箱，地址 {ip}")
            }
            Happening::Pulling(image) => say!(self, "pulls {image}", "正在拉取 {image}"),
            Happening::Pulled(image) => say!(self, "pulled {image}", "已拉取 {image}"),
            Happening::Started { pod, container } => {
                let name = &pod.name;
                say!(self, "started {container} of {name}", "启动 {name} 的容器 {container}")
            }
            Happening::Exited { pod, container, code } => {
                let name = &pod.name;
                say!(self, "{container} of {name} exited with {code}", "{name} 的容器 {container} 退出，退出码 {code}")
            }
            Happening::Probed { pod, container, probe, ok } => {
                let (name, sign) = (&pod.name, if *ok { "✓" } else { "✗" });
                say!(self, "{probe} probe of {container} in {name} {sign}", "{name} 的 {container} {probe} 探测 {sign}")
            }
            _ => String::new(),
        }
    }

    /// What is waited for.
    pub fn wait_for(&self, what: &WaitFor) -> String {
        match what {
            WaitFor::Arrival(place) => {
                let name = self.place(place);
                say!(self, "a message from {name} arrives", "来自 {name} 的消息到达")
            }
            WaitFor::Retry(span) => say!(self, "tries again after {span}", "{span} 后重试"),
            WaitFor::Probe => say!(self, "the next probe is due", "下一次探测"),
            WaitFor::Heartbeat => say!(self, "the next heartbeat is due", "下一次心跳"),
            WaitFor::Pull(image) => say!(self, "{image} has been pulled", "{image} 拉取完成"),
            WaitFor::BackOff => say!(self, "the back-off ends", "退避时间结束"),
            WaitFor::Grace => say!(self, "the grace period ends", "宽限期结束"),
            WaitFor::Resync => say!(self, "looks at everything again", "全量重新检查"),
            WaitFor::Timeout => say!(self, "a time-out", "超时"),
            WaitFor::Sleep => say!(self, "a program's timer", "程序定时器"),
            WaitFor::Other(text) => text.clone(),
        }
    }

    /// How a packet ended.
    pub fn outcome(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Travelling => say!(self, "under way", "传输中"),
            Outcome::Delivered(_) => say!(self, "delivered", "已送达"),
            Outcome::Dropped { reason, .. } => {
                let why = self.drop_reason(reason);
                say!(self, "dropped: {why}", "已丢弃：{why}")
            }
        }
    }
}
