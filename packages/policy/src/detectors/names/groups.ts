/** Nationalities, religions, political groups. */
export const GROUPS =
  'afghan african albanian algerian american arab argentine argentinian armenian asian australian austrian bahraini bangladeshi basque belarusian ' +
  'belgian bolivian bosnian brazilian british bulgarian burmese cambodian cameroonian canadian catalan chilean chinese colombian congolese croat ' +
  'croatian cuban cypriot czech dane danish dominican dutch ecuadorian egyptian emirati english estonian ethiopian european fijian filipino finn ' +
  'finnish french gambian german ghanaian greek guatemalan haitian hispanic honduran hungarian icelandic indian indonesian iranian iraqi irish ' +
  'israeli italian jamaican japanese jordanian kazakh kenyan korean kosovar kurd kurdish kuwaiti kyrgyz laotian latino latina latvian lebanese ' +
  'liberian libyan lithuanian macedonian malaysian maltese mexican moldovan mongolian moroccan mozambican namibian nepalese nepali nicaraguan ' +
  'nigerian norwegian omani pakistani palestinian panamanian paraguayan persian peruvian portuguese qatari romani romanian russian rwandan ' +
  'salvadoran saudi scot scottish senegalese serb serbian singaporean slovak slovenian somali spaniard spanish sudanese swede swedish swiss syrian ' +
  'taiwanese tajik tanzanian thai tibetan tunisian turk turkish turkmen ugandan ukrainian uruguayan uyghur uzbek venezuelan vietnamese welsh yemeni ' +
  'zambian zimbabwean ' +
  'agnostic anglican atheist baha_i baptist buddhist calvinist catholic christian confucian episcopalian evangelical hindu jain jew jewish lutheran ' +
  'mennonite methodist mormon muslim orthodox pentecostal presbyterian protestant quaker rastafarian shia shiite sikh sunni taoist zoroastrian ' +
  'christianity islam judaism hinduism buddhism sikhism ' +
  'anarchist communist conservative democrat fascist feminist labour leftist liberal libertarian marxist monarchist nationalist populist republican ' +
  'socialist tory zionist';
