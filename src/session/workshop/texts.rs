//! What the workshop writes into a lesson, to be overwritten by whoever writes it.

use crate::view::Locale;

/// A new lesson on a cluster that something was done to.
pub(super) fn lesson(locale: Locale, scenario: &str, setup: &str) -> String {
    let setup = if setup.is_empty() { String::new() } else { format!("```setup\n{setup}```\n") };
    let (step, first) = (step(locale, 1), scenario);
    match locale {
        Locale::En => format!(
            "---\ntitle: My lesson\nsummary: One sentence on what it shows.\nscenario: {first}\n---\nSay what is there, and what \
             this is about.\n{setup}\n{step}\n## What you saw\nSay what was learnt.\n"
        ),
        Locale::Zh => format!(
            "---\ntitle: 我的课程\nsummary: 用一句话说明它展示什么。\nscenario: {first}\n---\n说明集群里有什么，以及这门课讲什么。\n\
             {setup}\n{step}\n## 回顾\n说明学到了什么。\n"
        ),
    }
}

/// A step.
pub(super) fn step(locale: Locale, number: usize) -> String {
    let (check, hint) = (check(locale), hint(locale));
    let says = match locale {
        Locale::En => format!("## Step {number}\nSay what is to be done.\n"),
        Locale::Zh => format!("## 第 {number} 步\n说明要做什么。\n"),
    };
    format!("{says}```check\n{check}```\n```hint\n{hint}```\n")
}

/// A check.
pub(super) fn check(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "pods web where ready -- The pod web is not ready yet.\n",
        Locale::Zh => "pods web where ready -- Pod web 尚未就绪。\n",
    }
}

/// A hint.
pub(super) fn hint(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "Say what helps, without giving it away: `kubectl get pods` shows what is there.\n",
        Locale::Zh => "给一点帮助，但不要直接说出答案：`kubectl get pods` 会列出现有的 Pod。\n",
    }
}

/// A question.
pub(super) fn quiz(locale: Locale) -> &'static str {
    match locale {
        Locale::En => {
            "How many pods will run?\n- one :: pods where ready count = 1\n- more :: pods where ready count >= 2\n"
        }
        Locale::Zh => {
            "会有几个 Pod 运行？\n- 一个 :: pods where ready count = 1\n- 更多 :: pods where ready count >= 2\n"
        }
    }
}

/// A further option of a question.
pub(super) fn option(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "- none :: no pods where ready\n",
        Locale::Zh => "- 没有 :: no pods where ready\n",
    }
}
