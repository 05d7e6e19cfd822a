//! The ten steps of a packet through flannel, what devices decide, and why packets die.

use super::{Words, say};
use crate::view::{Decision, DropReason, FlannelStep, Locale};

impl Words {
    /// What a step is.
    pub fn step_of(&self, step: FlannelStep) -> &'static str {
        let (en, zh) = match step {
            FlannelStep::ContainerSends => (
                "The container sends to the target's IP, by default through its eth0.",
                "容器向目标容器的 IP 发送数据，默认经由自己的 eth0。",
            ),
            FlannelStep::Veth => (
                "The veth pair carries the packet out of the pod to its other end.",
                "数据包经 veth pair 到达宿主机一侧的 vethXXX。",
            ),
            FlannelStep::Bridge => (
                "That end hangs on the virtual switch docker0; the packet leaves through the bridge.",
                "vethXXX 挂在虚拟交换机 docker0 上，数据包由网桥送出。",
            ),
            FlannelStep::RouteToFlannel => (
                "The route table sends other containers' addresses to flannel0, a point-to-point device with flanneld at its other end.",
                "路由表把发往其他容器地址的数据包交给 flannel0，这是点对点虚拟设备，另一端是 flanneld。",
            ),
            FlannelStep::Wrap => (
                "flanneld knows the nodes' routes from etcd; it wraps the packet in UDP and sends it to the other node.",
                "flanneld 从 etcd 得知各节点路由，把原始数据包封装进 UDP，从配置的网卡发出。",
            ),
            FlannelStep::Cross => ("The packet crosses the network between the hosts.", "数据包穿过主机间的网络。"),
            FlannelStep::Receive => (
                "It rises through the other host's stack to the flanneld that listens on port 8285.",
                "数据包沿协议栈上行，到达监听 8285 端口的 flanneld。",
            ),
            FlannelStep::Unwrap => ("It is unwrapped and handed to flannel0.", "数据包被解封装，交给 flannel0。"),
            FlannelStep::RouteToBridge => (
                "The route table says that this container's packets belong to docker0.",
                "查路由表：发往该容器的数据包应交给 docker0。",
            ),
            FlannelStep::Deliver => (
                "docker0 finds the container that is attached to it and delivers the packet.",
                "docker0 找到连接在它上面的容器，送达数据包。",
            ),
        };
        match self.locale {
            Locale::En => en,
            Locale::Zh => zh,
        }
    }

    /// What a device decided.
    pub fn decision(&self, decision: &Decision) -> String {
        match decision {
            Decision::Sent { by } => say!(self, "{by} sends it.", "由 {by} 发出。"),
            Decision::Late { by, twice: false } => {
                say!(self, "The cable brings it {by} late (an injected fault).", "链路把它延迟了 {by}（注入的故障）。")
            }
            Decision::Late { by, twice: true } => say!(
                self,
                "The cable brings it twice, {by} late (an injected fault).",
                "链路把它送达两次，延迟 {by}（注入的故障）。"
            ),
            Decision::Routed { device, via: None } => say!(
                self,
                "The route table chooses {device}: the destination is on that link.",
                "路由表选择 {device}：目的地就在该链路上。"
            ),
            Decision::Routed { device, via: Some(via) } => {
                say!(self, "The route table chooses {device}, by way of {via}.", "路由表选择 {device}，经由 {via}。")
            }
            Decision::Crossed { peer } => say!(
                self,
                "What goes in at one end of a veth pair comes out at the other: {peer}.",
                "veth pair 一端进、另一端出，对端是 {peer}。"
            ),
            Decision::Switched { mac, port } => {
                say!(self, "The bridge knows {mac}: out of {port}.", "网桥认识 {mac}：从 {port} 送出。")
            }
            Decision::Flooded => say!(
                self,
                "The bridge does not know the address, or it is for all: out of every port.",
                "网桥不认识该地址，或为广播：向所有端口送出。"
            ),
            Decision::Up => say!(
                self,
                "The frame is for the bridge's own address: up into the host's stack.",
                "帧的目的地址是网桥自身：上交主机协议栈。"
            ),
            Decision::Resolved { ip, mac } => {
                say!(self, "The neighbour table says that {ip} is at {mac}.", "邻居表：{ip} 位于 {mac}。")
            }
            Decision::AwaitsArp { ip } => {
                say!(self, "It waits until somebody says where {ip} is (ARP).", "等待 ARP 应答：谁是 {ip}。")
            }
            Decision::Transmitted { to } => say!(self, "Over the wire to {to}.", "经网络到达 {to}。"),
            Decision::Delivered { to, port: Some(port) } => {
                say!(self, "Delivered to {to}, which listens on port {port}.", "送达监听 {port} 端口的 {to}。")
            }
            Decision::Delivered { to, port: None } => say!(self, "Delivered to {to}.", "送达 {to}。"),
            Decision::Answered => say!(self, "The kernel answers it itself.", "由内核直接应答。"),
            Decision::Dropped(reason) => {
                let why = self.drop_reason(reason);
                say!(self, "Dropped: {why}.", "丢弃：{why}。")
            }
            Decision::Other(text) => text.clone(),
            other => self.change(other),
        }
    }

    /// What a device changed of a packet, or why it let it pass.
    fn change(&self, decision: &Decision) -> String {
        match decision {
            Decision::Dnat { from, to } => {
                say!(self, "The destination is rewritten from {from} to {to}.", "目的地址由 {from} 改写为 {to}。")
            }
            Decision::Snat { from, to } => {
                say!(self, "The source is rewritten from {from} to {to}.", "源地址由 {from} 改写为 {to}。")
            }
            Decision::Tracked => say!(
                self,
                "Part of a known connection: what was decided for its first packet holds.",
                "属于已知连接：沿用首个数据包的决定。"
            ),
            Decision::Accepted { chain } => say!(self, "{chain} lets it pass.", "{chain} 放行。"),
            Decision::Proxied { backend } => {
                say!(self, "kube-proxy takes it and chooses {backend}.", "kube-proxy 接收后选择后端 {backend}。")
            }
            Decision::Encapsulated { subnet, remote } => say!(
                self,
                "{subnet} lives at {remote}: the whole packet becomes the payload of a UDP datagram to it.",
                "{subnet} 位于 {remote}：整个数据包成为发往它的 UDP 负载。"
            ),
            Decision::Decapsulated => say!(
                self,
                "The UDP payload is taken out: it is the inner packet, unchanged.",
                "取出 UDP 负载：就是原封不动的内层数据包。"
            ),
            _ => String::new(),
        }
    }

    /// Why a packet died.
    pub fn drop_reason(&self, reason: &DropReason) -> String {
        match reason {
            DropReason::NoRoute => say!(self, "no route to its destination", "没有到目的地的路由"),
            DropReason::NoNeighbour(ip) => say!(self, "nobody answered who has {ip}", "没有人应答谁是 {ip}"),
            DropReason::NoListener(port) => say!(self, "nobody listens on port {port}", "没有程序监听 {port} 端口"),
            DropReason::Filtered(rule) => say!(self, "a rule refuses it: {rule}", "被规则拒绝：{rule}"),
            DropReason::NoEndpoint => say!(self, "the service has no ready endpoint", "Service 没有就绪的端点"),
            DropReason::TtlExpired => say!(self, "its time to live ran out", "TTL 耗尽"),
            DropReason::TooBig(mtu) => {
                say!(self, "larger than the MTU of {mtu}, and not to be cut", "超过 MTU {mtu} 且不允许分片")
            }
            DropReason::DeviceDown(device) => say!(self, "{device} is down", "{device} 未启用"),
            DropReason::Fault => say!(self, "an injected fault took it", "被注入的故障丢弃"),
            DropReason::Cut => say!(self, "the link is cut (an injected fault)", "链路已断开（注入的故障）"),
            DropReason::LinkMtu(mtu) => say!(
                self,
                "longer than the {mtu} bytes that the link carries, and nobody is told (an injected fault)",
                "超过链路所能承载的 {mtu} 字节，且不通知发送方（注入的故障）"
            ),
            DropReason::ForwardingOff => {
                say!(self, "the node does not forward: net.ipv4.ip_forward = 0", "节点不转发：net.ipv4.ip_forward = 0")
            }
            DropReason::ConntrackFull => {
                say!(self, "the table of connections is full (nf_conntrack_max)", "连接跟踪表已满（nf_conntrack_max）")
            }
            DropReason::NoTunnelEnd(mac) => {
                say!(self, "the tunnel device has no FDB entry for {mac}", "隧道设备的 FDB 中没有 {mac} 的条目")
            }
            DropReason::NoSubnet => {
                say!(self, "flanneld knows no subnet for its destination", "flanneld 不知道目的地所属子网")
            }
            DropReason::NotForUs => say!(self, "its frame is addressed to another machine", "帧的目的 MAC 不是本机"),
            DropReason::Malformed => say!(self, "malformed: a wrong length or checksum", "格式错误：长度或校验和不对"),
            DropReason::NoWayBack(ip) => say!(
                self,
                "rp_filter: answers to {ip} would leave by another device",
                "rp_filter：发往 {ip} 的应答会走另一个设备"
            ),
            DropReason::NoRuleFor(service) => say!(
                self,
                "no rule sends the address of Service {service} to an endpoint",
                "没有规则把 Service {service} 的地址转到端点"
            ),
            DropReason::Other(text) => text.clone(),
        }
    }
}
