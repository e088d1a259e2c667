/** Given names that are common in many countries. Those that are words as well ("Will", "May", "Mark") are in `AMBIGUOUS`. */
export const GIVEN =
  'aaliyah aaron abigail abdullah abdul abraham ada adam adele adrian adriana agnes ahmad ahmed aidan aisha akira alan albert alberto aleksander ' +
  'alejandra alejandro alessandra alessandro alessia alex alexander alexandra alexandre alexandru alexis alfred alfredo alice alicia alina alison ' +
  'allison alma alok alyssa amanda amelia amelie amina amir amit amy ana anastasia anders andrea andreas andreea andrei andres andrew ' +
  'andrzej angela angelica angelina angelo anil anita anja anna annabelle anne annette annie annika anthony antoine anton antonia antonio anya ' +
  'ariana arjun armando arnold arthur arturo arun asha ashley astrid audrey aurora austin ava axel ayesha barbara barry bartosz beatrice beatriz ' +
  'benedict benjamin bernard bernd bertha bethany betty beverly bianca bjorn björn blanca bogdan bradley brandon brenda brendan brian bridget bruno ' +
  'bryan caitlin caleb cameron camila camille carina carla carlo carlos carmen carol carolina caroline carolyn catarina caterina catherine cecilia ' +
  'celia cesar chandra charles charlotte chelsea chloe chris christian christina christine christoph christopher claire clara clarence claudia ' +
  'claudio clemens colin connor conor constance cornelia craig cristian cristina cynthia damian daniel daniela daniele danielle danny daphne darius ' +
  'david deborah debra deepak denis denise dennis derek diana diego dieter dimitri dmitri dominic dominik donald donna dorothy douglas duncan dylan ' +
  'edgar edith eduard eduardo edward edwin eileen elaine eleanor elena eleni elias elif elijah elisa elisabeth elizabeth ella ellen elsa emanuel ' +
  'emil emilia emily emma emmanuel enrico enrique erik erika ernest ernesto esther ethan eugene eva evan evelyn fabian fabio fatima federica ' +
  'federico felipe felix ferdinand fernanda fernando filip filippo finn fiona florian frances francesca francesco francisco francois françois frank ' +
  'franz fred frederic frederick friedrich fritz gabriel gabriela gabriele gareth gary gemma geoffrey george georgia gerald gerard gerhard gianluca ' +
  'gilbert gina giorgio giovanni giulia giuseppe gloria gordon greg gregory greta guido guillaume guillermo gustav gustavo hamza hannah hans harold ' +
  'haruto hassan heather hector heidi heinrich heinz helen helena helga henri henrik henry herbert hermann hiroshi holger horst howard hugo hussein ' +
  'ian ibrahim ignacio igor ilse imran ines ingrid irene irina isaac isabel isabella isabelle ismail ivan ivana ivo jack jackson jacob jacqueline ' +
  'jacques jake jakob jakub james jamie jan jana jane janet janice jared jasmine jason javier jean jeff jeffrey jelena jennifer jenny jens jeremy ' +
  'jerome jerry jessica jesus joan joana joanna joao joão joachim joel johan johann johanna johannes john johnny jonas jonathan jordan jorge jose ' +
  'josé josef joseph josephine joshua juan juana judith julia julian juliana julie julien juliet julio jürgen jurgen justin kaito kamal karen karim ' +
  'karin karina karl karolina katarina kate katherine kathleen kathryn katie katrin kavita keith kelly kenji kenneth kevin khadija khalid kim ' +
  'kimberly klaus konstantin kristen kristian kristin kristina krzysztof kumar kurt kyle lakshmi larissa larry lars laura lauren laurent lea leah ' +
  'leila lena leo leon leonard leonardo leonie leslie levi liam lidia lina linda lisa lorena lorenzo louis louise luca lucas lucia luciana lucy ' +
  'ludwig luigi luis luisa luka lukas luke luna lydia madeleine madison magdalena mahmoud maja malik manfred manoj manuel manuela mara marc marcel ' +
  'marcela marcelo marcin marco marcos marcus margaret margarita maria mariam mariana marie marina mario marion mariusz marta martha martin martina ' +
  'mary maryam mateo mateusz mathias mathieu matilda matteo matthew matthias maureen maurice max maximilian maya megan mehmet mei melanie melissa ' +
  'mercedes meredith mia michael michal michel michele michelle miguel mikael mikhail mila milan mina miriam mitchell mohamed mohammad mohammed ' +
  'moira monica monika muhammad mustafa nadia nadine naomi natalia natalie natasha nathan nathaniel neha neil nicholas nicola nicolas nicole niklas ' +
  'nikolai nikolaus nils nina noah noemi nora norma norman nuno octavia olaf oleg olga oliver olivia olivier omar oscar oskar otto pablo pamela ' +
  'paola paolo pascal patricia patrick paul paula paulina paulo pavel pedro peggy penelope peter petra philip philipp philippe phillip phoebe ' +
  'pierre piotr pooja priya rachel rafael rahul raj rajesh ralph ramon randall raphael raquel raul ravi raymond rebecca regina reinhard renata rene ' +
  'ricardo riccardo richard rita robert roberta roberto rodrigo roger roland rolf roman ronald rosa rosemary ross roxana ruben rudolf rupert russell ' +
  'ruth ryan sabine sabrina sakura salma salvatore samantha samir samuel sandra sanjay sara sarah sasha satoshi sebastian selina serena serge sergei ' +
  'sergio shannon sharon shirley sibylle sigrid silvia simon simone sofia sonia sophia sophie stacy stanislav stefan stefania stefano stella stephan ' +
  'stephanie stephen steven stuart sunil suresh susan susanne suzanne sven svetlana sylvia tamara tanja tanya tara tatiana teresa terry thea theo ' +
  'theodor theodore theresa thomas tiago tiffany tim timothy tobias tomas tomasz toni tracy trevor tristan tyler ulrich ulrike umar ursula uwe ' +
  'valentina valentine valerie vanessa vera veronica victor victoria vijay vikram viktor vincent vincenzo viola virginia vivian vladimir ' +
  'walter wei wendy werner wilhelm william winston wolfgang xavier yasmin yolanda yuki yusuf yvonne zachary zara zoe zofia zuzanna';

/** Taken for a name only beside another name. */
export const AMBIGUOUS =
  'amber angel april autumn bill bob carter chase christian crystal daisy dale dawn dean drew eve faith frank gene glen grace grant guy harmony hazel heath ' +
  'hope hunter iris ivy jack jasmine jordan joy june lance lane lee lily luna mark mason max may melody mercedes miles nick olive page parker pat ' +
  'paris pearl penny pierce ray reed rich rob robin rod rose ruby sage sandy scarlett scott skip sky stone summer sue taylor ted tom tony ' +
  'trinity victoria violet virginia wade ward warren wayne will woody';
