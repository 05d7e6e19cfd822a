//! What the fields of manifests are for, as far as learners meet them.

use super::{Words, say};
use crate::view::{KnownField, Locale};

/// What has the field (nothing: any), its name, and what it is for, English and Chinese.
type Said = (&'static str, &'static str, &'static str, &'static str);

const FIELDS: &[Said] = &[
    ("", "apiVersion", "Which version of the API the object is written in", "对象所用的 API 版本"),
    ("", "kind", "What kind of object this is", "对象的类型"),
    ("", "metadata", "Name, namespace, labels and annotations", "名称、命名空间、标签与注解"),
    ("", "spec", "What you want; controllers work until it is so", "期望状态；控制器会持续工作直到达成"),
    ("ObjectMeta", "name", "Unique among objects of its kind in its namespace", "在同一命名空间的同类对象中唯一"),
    ("ObjectMeta", "namespace", "Where the object lives; default if not given", "对象所在的命名空间，默认为 default"),
    ("ObjectMeta", "labels", "Key-value pairs by which selectors find the object", "供选择器查找对象的键值对"),
    ("ObjectMeta", "annotations", "Notes for tools; selectors do not see them", "供工具使用的备注，选择器不使用"),
    ("", "replicas", "How many pods there shall be", "期望的 Pod 数量"),
    ("", "selector", "Which pods belong to this object, by their labels", "按标签指定哪些 Pod 归它所有"),
    ("", "template", "The pattern from which its pods are made", "创建 Pod 所用的模板"),
    ("", "strategy", "How old pods give way to new ones", "新旧 Pod 的替换方式"),
    ("", "updateStrategy", "How old pods give way to new ones", "新旧 Pod 的替换方式"),
    ("", "maxSurge", "How many pods more than wanted an update may have", "更新时最多可超出的 Pod 数"),
    ("", "maxUnavailable", "How many pods fewer than wanted may be ready", "允许不可用的最大 Pod 数"),
    ("", "minReadySeconds", "How long a new pod must stay ready to count", "新 Pod 保持就绪多久才算可用"),
    ("", "revisionHistoryLimit", "How many old generations are kept for a rollback", "为回滚保留多少个旧版本"),
    (
        "",
        "progressDeadlineSeconds",
        "After how long without progress a rollout counts as failed",
        "多久没有进展即视为发布失败",
    ),
    ("", "serviceName", "The headless service that gives each pod its name", "为每个 Pod 提供域名的无头服务"),
    ("", "matchLabels", "Labels that must all be there with these values", "必须全部具有的标签及其值"),
    ("", "matchExpressions", "Conditions on labels, all of which must hold", "对标签的条件，须全部满足"),
    (
        "PodSpec",
        "containers",
        "The programs of the pod; they share its network and volumes",
        "Pod 中的程序，共享网络与卷",
    ),
    ("PodSpec", "initContainers", "Run one after the other before the containers start", "在主容器之前依次运行"),
    ("PodSpec", "volumes", "Storage that containers can mount", "可供容器挂载的存储"),
    ("PodSpec", "nodeName", "Binds the pod to this node without the scheduler", "绕过调度器直接绑定到该节点"),
    ("PodSpec", "nodeSelector", "Labels that the node must have", "节点必须具有的标签"),
    ("PodSpec", "affinity", "Rules about nodes and about pods nearby", "对节点及邻近 Pod 的规则"),
    ("PodSpec", "tolerations", "Taints of nodes that this pod puts up with", "此 Pod 可以容忍的节点污点"),
    (
        "PodSpec",
        "topologySpreadConstraints",
        "How evenly pods are spread over zones or nodes",
        "Pod 在可用区或节点间的分布均匀程度",
    ),
    ("PodSpec", "restartPolicy", "Whether containers are started again when they end", "容器结束后是否重启"),
    (
        "PodSpec",
        "terminationGracePeriodSeconds",
        "How long programs have to end by themselves",
        "程序自行退出的宽限时间",
    ),
    ("PodSpec", "serviceAccountName", "As whom the pod speaks to the API server", "Pod 以何身份访问 API 服务器"),
    ("PodSpec", "hostNetwork", "Whether the pod uses the network of its node", "是否使用节点的网络"),
    ("PodSpec", "dnsPolicy", "Where the pod asks for names", "Pod 如何解析域名"),
    ("Container", "name", "What the container is called within its pod", "容器在 Pod 内的名称"),
    ("Container", "image", "What is run, as registry/name:tag", "要运行的镜像，写作 仓库/名称:标签"),
    ("Container", "imagePullPolicy", "When the image is fetched anew", "何时重新拉取镜像"),
    ("Container", "command", "What is run instead of the image's entry point", "替代镜像入口点的命令"),
    ("Container", "args", "What is passed to the command", "传给命令的参数"),
    ("Container", "env", "Variables of the environment", "环境变量"),
    ("Container", "envFrom", "Whole ConfigMaps or Secrets as variables", "将整个 ConfigMap 或 Secret 作为变量"),
    ("Container", "ports", "Ports that the program listens on; for people to know", "程序监听的端口，起说明作用"),
    ("Container", "resources", "What the container needs at least and gets at most", "容器的最低需求与上限"),
    ("Container", "livenessProbe", "When it fails, the container is started again", "失败时重启容器"),
    ("Container", "readinessProbe", "While it fails, services send nothing here", "失败期间服务不会转发流量"),
    ("Container", "startupProbe", "The other probes wait until it succeeds", "成功之前其他探针不会执行"),
    ("Container", "volumeMounts", "Where volumes appear in the container", "卷在容器中的挂载位置"),
    ("Container", "securityContext", "As which user and with which rights it runs", "以何用户和权限运行"),
    ("ResourceRequirements", "requests", "What the scheduler sets aside on the node", "调度器在节点上预留的资源"),
    (
        "ResourceRequirements",
        "limits",
        "Beyond this it is throttled (CPU) or killed (memory)",
        "超出时被限速（CPU）或终止（内存）",
    ),
    ("ContainerPort", "containerPort", "The port that the program listens on", "程序监听的端口"),
    ("ServiceSpec", "type", "From where the service can be reached", "服务可从何处访问"),
    ("ServiceSpec", "ports", "Ports of the service and where they lead", "服务的端口及其去向"),
    ("ServiceSpec", "selector", "Labels of the pods behind the service", "服务后端 Pod 的标签"),
    ("ServiceSpec", "clusterIP", "The virtual address; None makes the service headless", "虚拟地址；None 表示无头服务"),
    ("ServiceSpec", "sessionAffinity", "Whether one client stays with one pod", "同一客户端是否始终访问同一 Pod"),
    ("ServicePort", "port", "The port of the service", "服务的端口"),
    ("ServicePort", "targetPort", "The port of the pods, as a number or a name", "Pod 的端口，数字或名称"),
    ("ServicePort", "nodePort", "The port on every node", "每个节点上的端口"),
    ("JobSpec", "completions", "How many pods must succeed", "需要成功完成的 Pod 数"),
    ("JobSpec", "parallelism", "How many pods may run at once", "可同时运行的 Pod 数"),
    ("JobSpec", "backoffLimit", "After how many failures the job gives up", "失败多少次后放弃"),
    ("CronJobSpec", "schedule", "Minute, hour, day, month, weekday", "分 时 日 月 周"),
    ("CronJobSpec", "concurrencyPolicy", "What happens when the last run still goes on", "上次运行未结束时如何处理"),
    ("HorizontalPodAutoscalerSpec", "scaleTargetRef", "What is scaled", "要伸缩的对象"),
    ("HorizontalPodAutoscalerSpec", "minReplicas", "Never fewer pods than this", "Pod 数量下限"),
    ("HorizontalPodAutoscalerSpec", "maxReplicas", "Never more pods than this", "Pod 数量上限"),
    ("ConfigMap", "data", "Text under names", "按名称存放的文本"),
    ("Secret", "stringData", "Text that is stored in base64", "以 base64 存储的文本"),
    (
        "PersistentVolumeClaimSpec",
        "accessModes",
        "From how many nodes it is mounted, and how",
        "可由多少节点、以何方式挂载",
    ),
    (
        "PersistentVolumeClaimSpec",
        "storageClassName",
        "Which class of storage provides the volume",
        "由哪个存储类提供卷",
    ),
];

impl Words {
    /// All that is known of a field, a sentence each.
    pub fn field(&self, of: &KnownField) -> Vec<String> {
        let KnownField { path, ty, .. } = of;
        let required = if of.required { say!(self, ", required", "，必填") } else { String::new() };
        let mut said = vec![format!("{path} <{ty}>{required}")];
        let known = FIELDS.iter().filter(|(_, name, ..)| *name == of.name);
        let best =
            known.filter(|(owner, ..)| owner.is_empty() || *owner == of.of).max_by_key(|(owner, ..)| owner.len());
        said.extend(best.map(|(_, _, en, zh)| if self.locale == Locale::En { *en } else { *zh }.to_owned()));
        if !of.values.is_empty() {
            let values = of.values.join(", ");
            said.push(say!(self, "One of: {values}", "可选值：{values}"));
        }
        said
    }
}
