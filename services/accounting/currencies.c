/*
 * Currencies: the codes of ISO 4217 by the decimal digits of their minor unit. Metals, testing codes and the SDR are left
 * out: nobody keeps an account in them.
 */
#include <string.h>

#include "ledger.h"

static const char *const codes_by_exponent[] = {
	[0] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
	[2] = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE "
	      "CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD "
	      "HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP "
	      "MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD "
	      "SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS "
	      "VED VES WST XCD XCG YER ZAR ZMW ZWG",
	[3] = "BHD IQD JOD KWD LYD OMR TND",
	[4] = "CLF UYW",
};

/* Three capitals, as the contract demands, are found at the beginning of a code or not at all: blanks part the codes. */
int ledger_exponent(const char *currency)
{
	for (size_t i = 0; i < sizeof codes_by_exponent / sizeof *codes_by_exponent; i++)
		if (codes_by_exponent[i] && strstr(codes_by_exponent[i], currency))
			return (int)i;
	return -1;
}
