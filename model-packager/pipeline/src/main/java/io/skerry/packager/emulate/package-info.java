/**
 * Proof of accuracy where this machine lacks a profile's instructions: the device's own engine code
 * runs under QEMU's user mode, with the profile's kind of processor.
 *
 * <p>Start at {@link Emulator}.
 */
@NullMarked
package io.skerry.packager.emulate;

import org.jspecify.annotations.NullMarked;
