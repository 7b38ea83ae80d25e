/** Opens the control plane's client to the contract, which gives it certificates of its own. */
@NullMarked
package io.skerry.control.link;

import org.jspecify.annotations.NullMarked;
