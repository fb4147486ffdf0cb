package tlsengine

// #include "engine.h"
// #include <openssl/err.h>
// #include <openssl/sslerr.h>
// #include <openssl/x509_vfy.h>
import "C"

import (
	"fmt"

	"ohsocket/core/errcode"
)

// Error is a failure with its cause.
type Error struct {
	Code   errcode.Code
	Text   string
	Alert  int // number of the TLS alert that was sent or received, -1: none
	Verify int // X509_V_ERR_*, 0: none
}

func (e *Error) Error() string { return e.Text }

// configError makes an Error of a failure in making something of the user's options; what names the
// option.
func configError(f *C.engine_failure, what string) *Error {
	text := C.GoString(&f.text[0])
	if text == "" {
		text = C.GoString(&f.reason_text[0])
	}
	if text == "" {
		text = "OpenSSL gives no reason"
	}
	if what != "" {
		text = what + ": " + text
	}
	code := errcode.TLSSystemCall
	if f.certificate != 0 {
		code = errcode.TLSCertificate
	}
	return &Error{Code: code, Text: text, Alert: -1}
}

// sessionError makes an Error of what broke a session. code is that of the operation; one that
// stands for the certificates takes its place where they are the cause.
func sessionError(f *C.engine_failure, code errcode.Code, name string) *Error {
	e := &Error{Code: code, Alert: -1}
	if f.alert_sent >= 0 {
		e.Alert = int(f.alert_sent)
	}
	reason := 0
	if f.library == C.ERR_LIB_SSL {
		reason = int(f.reason)
	}
	switch {
	case f.text[0] != 0:
		e.Text = C.GoString(&f.text[0])
		if f.verify != C.X509_V_OK {
			e.Code, e.Verify = errcode.TLSCertificate, int(f.verify)
		}
	case f.alert_received >= 0:
		e.Alert = int(f.alert_received)
		e.Text = fmt.Sprintf("the peer refused: alert %d %s", e.Alert, alertName(e.Alert))
		if aboutCertificate(e.Alert) {
			e.Code = errcode.TLSCertificate
		}
	case reason == C.SSL_R_CERTIFICATE_VERIFY_FAILED || reason == 0 && f.verify != C.X509_V_OK:
		e.Code, e.Verify = errcode.TLSCertificate, int(f.verify)
		e.Text = verifyText(e.Verify, name)
	case reason == C.SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		e.Code, e.Text = errcode.TLSCertificate, "the peer sent no certificate"
	case reason == C.SSL_R_WRONG_VERSION_NUMBER:
		e.Text = "wrong version number: the peer does not speak TLS"
	case reason == C.SSL_R_HTTP_REQUEST, reason == C.SSL_R_HTTPS_PROXY_REQUEST:
		e.Text = "http request: the peer does not speak TLS"
	default:
		if e.Text = C.GoString(&f.reason_text[0]); e.Text == "" {
			e.Text = "OpenSSL gives no reason"
		}
	}
	return e
}

// verifyText says why a certificate was not accepted.
func verifyText(verify int, name string) string {
	switch verify {
	case C.X509_V_ERR_HOSTNAME_MISMATCH, C.X509_V_ERR_IP_ADDRESS_MISMATCH:
		return fmt.Sprintf("certificate verify failed: the certificate is not for %q", name)
	}
	return "certificate verify failed: " + C.GoString(C.X509_verify_cert_error_string(C.long(verify)))
}

// aboutCertificate reports whether an alert says that the certificate of who receives it is not
// accepted.
func aboutCertificate(alert int) bool {
	switch alert {
	case 41, 42, 43, 44, 45, 46, 48, 49, 51, 111, 113, 114, 116: // 51: its signature does not fit
		return true
	}
	return false
}

var alertNames = map[int]string{
	0:   "close_notify",
	10:  "unexpected_message",
	20:  "bad_record_mac",
	21:  "decryption_failed",
	22:  "record_overflow",
	30:  "decompression_failure",
	40:  "handshake_failure",
	41:  "no_certificate",
	42:  "bad_certificate",
	43:  "unsupported_certificate",
	44:  "certificate_revoked",
	45:  "certificate_expired",
	46:  "certificate_unknown",
	47:  "illegal_parameter",
	48:  "unknown_ca",
	49:  "access_denied",
	50:  "decode_error",
	51:  "decrypt_error",
	60:  "export_restriction",
	70:  "protocol_version",
	71:  "insufficient_security",
	80:  "internal_error",
	86:  "inappropriate_fallback",
	90:  "user_canceled",
	100: "no_renegotiation",
	109: "missing_extension",
	110: "unsupported_extension",
	111: "certificate_unobtainable",
	112: "unrecognized_name",
	113: "bad_certificate_status_response",
	114: "bad_certificate_hash_value",
	115: "unknown_psk_identity",
	116: "certificate_required",
	120: "no_application_protocol",
}

// alertName returns the name of an alert as the standards have it.
func alertName(alert int) string {
	if name := alertNames[alert]; name != "" {
		return name
	}
	return "unknown"
}
