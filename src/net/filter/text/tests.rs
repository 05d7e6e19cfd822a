//! Rules as text, there and back.

use super::*;

/// Reads `given` and prints it again.
fn check(given: &str, printed: &str) {
    let mut filter = Filter::default();
    for chain in ["KUBE-SVC", "KUBE-SEP", "KUBE-MARK-MASQ"] {
        filter.command(Table::Nat, &format!("-N {chain}")).expect("a new chain");
    }
    filter.command(Table::Nat, &format!("-A OUTPUT {given}")).expect("a rule");
    let chain = filter.chain(Table::Nat, "OUTPUT").expect("built in");
    let text = chain.rules().next().expect("one rule").0.to_string();
    assert_eq!(text, printed);
    filter.command(Table::Nat, &format!("-C OUTPUT {text}")).expect("what is printed reads as the same rule");
}

#[test]
fn a_rule_is_printed_in_the_order_of_iptables_save() {
    check(
        r#"-m comment --comment "default/web:" -p tcp -m tcp --dport 80 -d 10.0.0.5/32 -j REDIRECT --to-ports 43211"#,
        "-d 10.0.0.5/32 -p tcp -m comment --comment default/web: -m tcp --dport 80 -j REDIRECT --to-ports 43211",
    );
    check("-p tcp --dport 1:1024 -j RETURN", "-p tcp -m tcp --dport 1:1024 -j RETURN");
    check(
        "! -s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully",
        "! -s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully",
    );
    check(
        r#"-m comment --comment "default/web -> 10.1.1.1:80" -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP"#,
        r#"-m comment --comment "default/web -> 10.1.1.1:80" -m statistic --mode random --probability 0.33333333349 -j KUBE-SEP"#,
    );
    check(
        "-m statistic --mode random --probability 0.5000000000 -j KUBE-SEP",
        "-m statistic --mode random --probability 0.50000000000 -j KUBE-SEP",
    );
    check("-j MARK --or-mark 0x4000", "-j MARK --set-xmark 0x4000/0x4000");
    check("-m mark ! --mark 0x4000/0x4000 -j RETURN", "-m mark ! --mark 0x4000/0x4000 -j RETURN");
    check("-j MARK --xor-mark 0x4000", "-j MARK --set-xmark 0x4000/0x0");
    check(
        "-m conntrack --ctstate NEW --ctorigdst 10.1.1.1/32 ! --ctorigdstport 80 -j ACCEPT",
        "-m conntrack --ctstate NEW --ctorigdst 10.1.1.1 ! --ctorigdstport 80 -j ACCEPT",
    );
    check("-j MARK --and-mark 0xff", "-j MARK --set-xmark 0x0/0xffffff00");
    check(
        "-m recent --name KUBE-SEP --rcheck --seconds 10800 --reap -j KUBE-SEP",
        "-m recent --rcheck --seconds 10800 --reap --name KUBE-SEP --mask 255.255.255.255 --rsource -j KUBE-SEP",
    );
    check(
        "-m recent --name KUBE-SEP --set -m tcp -p tcp -j DNAT --to-destination 10.1.1.1:80",
        "-p tcp -m recent --set --name KUBE-SEP --mask 255.255.255.255 --rsource -m tcp -j DNAT --to-destination 10.1.1.1:80",
    );
    check(
        "-m conntrack --ctstate INVALID -m nfacct --nfacct-name bad -j DROP",
        "-m conntrack --ctstate INVALID -m nfacct --nfacct-name  bad -j DROP",
    );
    check(
        "-d fd00::5 -p udp --dport 53 -j DNAT --to-destination [fd00::1]:53",
        "-d fd00::5/128 -p udp -m udp --dport 53 -j DNAT --to-destination [fd00::1]:53",
    );
    check("-m addrtype --dst-type LOCAL -j KUBE-SVC", "-m addrtype --dst-type LOCAL -j KUBE-SVC");
    check(
        "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    );
    check("-p tcp -m tcp -j DNAT --to-destination 10.1.1.1:80", "-p tcp -m tcp -j DNAT --to-destination 10.1.1.1:80");
    check(
        "-s 192.0.2.1 -m ipvs --vaddr 192.0.2.1 --vproto tcp --vport 80 -j DROP",
        "-s 192.0.2.1/32 -m ipvs --vproto 6 --vaddr 192.0.2.1 --vport 80 -j DROP",
    );
    check("-i docker0 ! -o docker0 -j REJECT", "-i docker0 ! -o docker0 -j REJECT --reject-with icmp-port-unreachable");
}

#[test]
fn a_restore_is_all_or_nothing() {
    let mut filter = Filter::default();
    let good = "*nat\n:KUBE-SVC - [0:0]\n-A OUTPUT -j KUBE-SVC\nCOMMIT\n";
    filter.restore(good, true).expect("sound");
    let before = filter.clone();
    let bad = filter.restore("*nat\n-F OUTPUT\n-A OUTPUT -j NOWHERE\nCOMMIT\n", true);
    assert_eq!(
        bad,
        Err(Refused("iptables-restore: line 3 failed: iptables: No chain/target/match by that name.".into()))
    );
    assert_eq!(filter, before);
}

#[test]
fn what_is_saved_restores_to_the_same() {
    let mut filter = Filter::default();
    let text = "*nat\n:KUBE-SVC - [0:0]\n:KUBE-SEP - [0:0]\n-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SVC\n-A KUBE-SVC -p udp --dport 53 -j KUBE-SEP\nCOMMIT\n*filter\n:FORWARD DROP [0:0]\nCOMMIT\n";
    filter.restore(text, false).expect("sound");
    let mut again = Filter::default();
    let saved = filter.save("Thu Jan  1 00:00:00 1970", false);
    again.restore(&saved, false).expect("what is saved is sound");
    assert_eq!(again.save("Thu Jan  1 00:00:00 1970", false), saved);
    assert_eq!(again, filter);
}

#[test]
fn chains_are_made_and_unmade_with_the_words_of_iptables() {
    let mut filter = Filter::default();
    for (line, answer) in [
        ("-N A", ""),
        ("-N A", "iptables: Chain already exists."),
        ("-A OUTPUT -j A", ""),
        ("-X A", "iptables: Too many links."),
        ("-D OUTPUT -j B", "iptables: No chain/target/match by that name."),
        ("-D OUTPUT -j ACCEPT", "iptables: Bad rule (does a matching rule exist in that chain?)."),
        ("-D OUTPUT 1", ""),
        ("-X A", ""),
        ("-A A -j ACCEPT", "iptables: No chain/target/match by that name."),
        ("-A OUTPUT -m nonsense", "Couldn't load match `nonsense':No such file or directory"),
        ("-A OUTPUT -p tcp --dport", "option \"--dport\" requires an argument"),
        ("-A OUTPUT --dport 80", "unknown option \"--dport\""),
        ("-A OUTPUT -s nowhere", "host/network `nowhere' not found"),
    ] {
        let got = filter.command(Table::Nat, line).err().map(|e| e.0).unwrap_or_default();
        assert_eq!(got, answer, "{line}");
    }
}
