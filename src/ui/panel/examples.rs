//! Manifests to begin with.

use crate::view::Locale;

/// A manifest.
pub struct Example {
    /// Its name in the menu's values.
    pub id: &'static str,
    en: &'static str,
    zh: &'static str,
    /// The YAML.
    pub text: &'static str,
}

impl Example {
    /// Its title.
    pub fn title(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => self.en,
            Locale::Zh => self.zh,
        }
    }
}

/// The one that an untouched editor holds.
pub const FIRST: &Example = &ALL[0];

/// All of them.
pub const ALL: &[Example] = &[
    Example { id: "web", en: "A Deployment and its Service", zh: "Deployment 与 Service", text: WEB },
    Example {
        id: "nginx",
        en: "nginx, three replicas (from the articles)",
        zh: "nginx 三副本（文章原文）",
        text: NGINX,
    },
    Example {
        id: "demon",
        en: "nginx and Tomcat in one Pod (from the articles)",
        zh: "nginx 与 Tomcat 同一 Pod（文章原文）",
        text: DEMON,
    },
    Example {
        id: "guestbook", en: "A guestbook: Redis and a front end", zh: "留言簿：Redis 与前端", text: GUESTBOOK
    },
    Example { id: "pod", en: "A single Pod", zh: "单个 Pod", text: POD },
    Example { id: "broken", en: "An image that does not exist", zh: "不存在的镜像", text: BROKEN },
    Example { id: "pending", en: "A Pod that no node can hold", zh: "任何节点都放不下的 Pod", text: PENDING },
];

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: nginx
        image: nginx:1.29
        ports:
        - containerPort: 80
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
";

const NGINX: &str = "\
apiVersion: apps/v1beta2
kind: Deployment
metadata: {name: nginx-deployment, labels: {app: nginx}}
spec:
  replicas: 3
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - name: nginx
        image: daocloud.io/library/nginx:1.13.0-alpine
        imagePullPolicy: IfNotPresent
        ports: [{containerPort: 80}]
";

const DEMON: &str = "\
apiVersion: apps/v1beta2
kind: Deployment
metadata: {name: demon-pod, labels: {app: test}}
spec:
  replicas: 1
  selector: {matchLabels: {app: test}}
  template:
    metadata: {labels: {app: test}}
    spec:
      containers:
      - name: demon-nginx-docker
        image: daocloud.io/library/nginx:1.13.0-alpine
        imagePullPolicy: IfNotPresent
        ports: [{containerPort: 80}]
      - name: demon-tomcat-docker
        image: daocloud.io/library/tomcat:8.5.21-jre8-alpine
        imagePullPolicy: IfNotPresent
        ports: [{containerPort: 8080}]
";

const GUESTBOOK: &str = "\
# Visitors write to the leader; the followers hold copies that are read from.
apiVersion: v1
kind: Service
metadata:
  name: redis-leader
spec:
  selector: {app: redis, role: leader}
  ports:
  - port: 6379
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: redis-leader
spec:
  replicas: 1
  selector:
    matchLabels: {app: redis, role: leader}
  template:
    metadata:
      labels: {app: redis, role: leader}
    spec:
      containers:
      - name: redis
        image: redis:7
        ports:
        - containerPort: 6379
        resources:
          requests: {cpu: 100m, memory: 64Mi}
---
apiVersion: v1
kind: Service
metadata:
  name: redis-follower
spec:
  selector: {app: redis, role: follower}
  ports:
  - port: 6379
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: redis-follower
spec:
  replicas: 2
  selector:
    matchLabels: {app: redis, role: follower}
  template:
    metadata:
      labels: {app: redis, role: follower}
    spec:
      containers:
      - name: redis
        image: redis:7
        args: [\"redis-server\", \"--replicaof\", \"redis-leader\", \"6379\"]
        ports:
        - containerPort: 6379
        resources:
          requests: {cpu: 100m, memory: 64Mi}
---
apiVersion: v1
kind: Service
metadata:
  name: frontend
spec:
  type: NodePort
  selector: {app: guestbook}
  ports:
  - port: 80
    targetPort: 3000
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: frontend
spec:
  replicas: 3
  selector:
    matchLabels: {app: guestbook}
  template:
    metadata:
      labels: {app: guestbook}
    spec:
      containers:
      - name: guestbook
        image: guestbook:v2
        ports:
        - containerPort: 3000
        env:
        - {name: REDIS_LEADER, value: redis-leader}
        - {name: REDIS_FOLLOWER, value: redis-follower}
        resources:
          requests: {cpu: 50m, memory: 32Mi}
";

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: hello
  labels:
    app: hello
spec:
  containers:
  - name: web
    image: nginx
";

const BROKEN: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: no-such-image
spec:
  containers:
  - name: app
    image: nginx:nope
";

const PENDING: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: too-large
spec:
  containers:
  - name: app
    image: busybox
    command: [\"sleep\", \"3600\"]
    resources:
      requests:
        cpu: \"64\"
";
