"""Kernels of a mixture-of-experts layer as frameworks have them, for bench_torch.py and trace_torch.py: PyTorch's where it has
one, else small Triton kernels that pass over memory once (as Transformer Engine's fused permutation and activation do)."""

import torch
import torch.distributed as dist
import torch.nn.functional as F
import triton
import triton.language as tl

grouped_mm = getattr(torch, "_grouped_mm", None) or getattr(F, "grouped_mm", None)


def route(logits, top_k, chosen=None):
    """Softmax, top-k, and the order in which (token, expert) rows lie by expert. chosen [tokens, top_k]: experts to take
    instead of the best. Returns weights [tokens, top_k], order [rows] (slot of each sorted row), tokens [rows] (token of each sorted
    row), inverse [rows], end of each expert's rows."""
    weights, index = torch.topk(torch.softmax(logits, -1, dtype=torch.float32), top_k)
    index = index if chosen is None else chosen
    experts = index.flatten().to(torch.int32)
    _, order = torch.sort(experts, stable=True)
    slots = torch.arange(order.numel(), device=order.device)
    inverse = torch.empty_like(order).scatter_(0, order, slots)
    counts = torch.zeros(logits.shape[-1], device=logits.device, dtype=torch.int32).scatter_add_(0, index.flatten(), torch.ones_like(experts))
    return weights, order, order // top_k, inverse, torch.cumsum(counts, 0, dtype=torch.int32)


def route_grad(weight_grad, index, probabilities, dtype):
    """Gradient of the scores (in `dtype`) of route's weights: scattered among the experts, through the softmax."""
    grad = torch.zeros_like(probabilities).scatter_(-1, index, weight_grad)
    return torch.ops.aten._softmax_backward_data(grad, probabilities, -1, torch.float32).to(dtype)


@triton.jit
def _gather_sum(rows, weights, inverse, out, width, top_k, weighted: tl.constexpr, block: tl.constexpr):
    token, column = tl.program_id(0).to(tl.int64), tl.program_id(1) * block + tl.arange(0, block)
    mask = column < width
    total = tl.zeros([block], dtype=tl.float32)
    for slot in range(top_k):
        row = tl.load(inverse + token * top_k + slot)
        value = tl.load(rows + row * width + column, mask=mask).to(tl.float32)
        if weighted:
            value *= tl.load(weights + token * top_k + slot)
        total += value
    tl.store(out + token * width + column, total.to(out.dtype.element_ty), mask=mask)


@triton.jit
def _scatter_grad(grad, rows, weights, order, row_grad, weight_grad, width, top_k, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    slot = tl.load(order + row)
    token = slot // top_k
    scale = tl.load(weights + slot)
    dot = 0.0
    for start in range(0, width, block):
        column = start + tl.arange(0, block)
        mask = column < width
        dy = tl.load(grad + token * width + column, mask=mask, other=0.0).to(tl.float32)
        value = tl.load(rows + row * width + column, mask=mask, other=0.0).to(tl.float32)
        tl.store(row_grad + row * width + column, (dy * scale).to(row_grad.dtype.element_ty), mask=mask)
        dot += tl.sum(dy * value)
    tl.store(weight_grad + slot, dot)


def gather_sum(rows, weights, inverse, top_k):
    """out[t] = sum over slots of weights[t, slot] * rows[inverse[t, slot]]; weights None: 1."""
    width, tokens = rows.shape[1], inverse.numel() // top_k
    out = torch.empty(tokens, width, device=rows.device, dtype=rows.dtype)
    block = min(1024, triton.next_power_of_2(width))
    _gather_sum[(tokens, triton.cdiv(width, block))](rows, weights if weights is not None else rows, inverse, out, width, top_k, weights is not None, block)
    return out


def scatter_grad(grad, rows, weights, order, top_k):
    """Gradients of gather_sum's rows (each a scaled copy of its token's) and of its weights."""
    row_grad, weight_grad = torch.empty_like(rows), torch.empty_like(weights)
    width = rows.shape[1]
    block = min(1024, triton.next_power_of_2(width))
    _scatter_grad[(rows.shape[0],)](grad, rows, weights, order, row_grad, weight_grad, width, top_k, block)
    return row_grad, weight_grad


class Permute(torch.autograd.Function):
    """Row r of the result is token tokens[r]. Backward: every token sums its rows."""

    @staticmethod
    def forward(ctx, x, tokens, inverse, top_k):
        ctx.save_for_backward(inverse)
        ctx.top_k = top_k
        return torch.index_select(x, 0, tokens)

    @staticmethod
    def backward(ctx, grad):
        return gather_sum(grad.contiguous(), None, ctx.saved_tensors[0], ctx.top_k), None, None, None


class Reorder(torch.autograd.Function):
    """Row r of the result is row order[r]; inverse[order[r]] = r."""

    @staticmethod
    def forward(ctx, rows, order, inverse):
        ctx.save_for_backward(order, inverse)
        return torch.index_select(rows, 0, order)

    @staticmethod
    def backward(ctx, grad):
        return torch.index_select(grad.contiguous(), 0, ctx.saved_tensors[1]), None, None


class Unpermute(torch.autograd.Function):
    """Weighted sum of each token's rows."""

    @staticmethod
    def forward(ctx, rows, weights, order, inverse, top_k):
        ctx.save_for_backward(rows, weights, order)
        ctx.top_k = top_k
        return gather_sum(rows, weights, inverse, top_k)

    @staticmethod
    def backward(ctx, grad):
        rows, weights, order = ctx.saved_tensors
        return *scatter_grad(grad.contiguous(), rows, weights, order, ctx.top_k), None, None, None


class Exchange(torch.autograd.Function):
    """All-to-all of equal parts over all ranks; its adjoint is itself."""

    @staticmethod
    def forward(ctx, rows):
        out = torch.empty_like(rows)
        dist.all_to_all_single(out, rows)
        return out

    @staticmethod
    def backward(ctx, grad):
        out = torch.empty_like(grad, memory_format=torch.contiguous_format)
        dist.all_to_all_single(out, grad.contiguous())
        return out


class GroupedLinear(torch.autograd.Function):
    """rows of expert i times weight[i]^T, all experts in one kernel; offsets: end of each expert's rows."""

    @staticmethod
    def forward(ctx, rows, weight, offsets):
        ctx.save_for_backward(rows, weight, offsets)
        return grouped_mm(rows, weight.transpose(-2, -1), offs=offsets)

    @staticmethod
    def backward(ctx, grad):
        rows, weight, offsets = ctx.saved_tensors
        grad = grad.contiguous()
        return grouped_mm(grad, weight, offs=offsets), grouped_mm(grad.t(), rows, offs=offsets), None


@triton.jit
def _swiglu(x, out, width, block: tl.constexpr):
    row, column = tl.program_id(0).to(tl.int64), tl.program_id(1) * block + tl.arange(0, block)
    mask = column < width
    gate = tl.load(x + row * 2 * width + column, mask=mask).to(tl.float32)
    value = tl.load(x + row * 2 * width + width + column, mask=mask).to(tl.float32)
    tl.store(out + row * width + column, (gate * tl.sigmoid(gate) * value).to(out.dtype.element_ty), mask=mask)


@triton.jit
def _swiglu_grad(x, grad, out, width, block: tl.constexpr):
    row, column = tl.program_id(0).to(tl.int64), tl.program_id(1) * block + tl.arange(0, block)
    mask = column < width
    gate = tl.load(x + row * 2 * width + column, mask=mask).to(tl.float32)
    value = tl.load(x + row * 2 * width + width + column, mask=mask).to(tl.float32)
    dy = tl.load(grad + row * width + column, mask=mask).to(tl.float32)
    sigmoid = tl.sigmoid(gate)
    tl.store(out + row * 2 * width + column, (dy * value * sigmoid * (1 + gate * (1 - sigmoid))).to(out.dtype.element_ty), mask=mask)
    tl.store(out + row * 2 * width + width + column, (dy * gate * sigmoid).to(out.dtype.element_ty), mask=mask)


def swiglu_grad(x, grad):
    width, out = x.shape[1] // 2, torch.empty_like(x)
    block = min(1024, triton.next_power_of_2(width))
    _swiglu_grad[(x.shape[0], triton.cdiv(width, block))](x, grad, out, width, block)
    return out


class GatedActivation(torch.autograd.Function):
    """silu(left half) * right half."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        width = x.shape[1] // 2
        out = torch.empty(x.shape[0], width, device=x.device, dtype=x.dtype)
        block = min(1024, triton.next_power_of_2(width))
        _swiglu[(x.shape[0], triton.cdiv(width, block))](x, out, width, block)
        return out

    @staticmethod
    def backward(ctx, grad):
        return swiglu_grad(ctx.saved_tensors[0], grad.contiguous())
