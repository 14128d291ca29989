//! Steps of the kernel's classic packet filters (BPF), by which system calls and datagrams are judged.

/// One instruction of a filter (`struct sock_filter`).
pub type Step = libc::sock_filter;

/// A step that goes on with the next.
pub(super) fn step(code: u16, k: u32) -> Step {
    Step { code, jt: 0, jf: 0, k }
}

/// A step that compares what is loaded with a number, and passes over so many steps where that holds, and where it does not.
pub(super) fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Step {
    Step { code, jt, jf, k }
}

/// Instructions of `linux/bpf_common.h`: load a word or half a one, jump, jump by a comparison, return.
pub(super) const LOAD_WORD: u16 = 0x20;
pub(super) const LOAD_HALF: u16 = 0x28;
pub(super) const JUMP: u16 = 0x05;
pub(super) const JUMP_IF_EQUAL: u16 = 0x15;
pub(super) const JUMP_IF_GREATER: u16 = 0x25;
pub(super) const JUMP_IF_GREATER_OR_EQUAL: u16 = 0x35;
pub(super) const JUMP_IF_ANY_BIT: u16 = 0x45;
pub(super) const RETURN: u16 = 0x06;
