package io.skerry.api;

/** Why a long piece of work failed. */
public record WorkError(String code, String detail) {}
